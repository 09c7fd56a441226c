"""What the tables say: every number from a table, nothing where there is none."""

import pandas as pd
import pytest

from xlkb.analysis.verdicts import primary, story


def compared(p_adjusted, against="English only", effect=3.66):
    """Two primary comparisons, the first with this p."""
    shared = {"base_model": "Tiny", "against": against, "n": 420, "n_seeds": 3}
    shared |= {"model": primary.TREATMENTS[1]}
    first = {"group": "mixup", "effect_points": effect, "effect_low": 1.66, "effect_high": 5.64}
    second = {"group": "other trained languages", "effect_points": -0.5, "least_points": 1.9}
    second |= {"effect_low": -1.6, "effect_high": 0.6, "p_adjusted": 0.8}
    first |= {"narrowed_points": effect - 4, "narrowed_low": -2.6, "narrowed_high": 1.9}
    second |= {"narrowed_points": -4.5, "narrowed_low": -6.3, "narrowed_high": -2.7}
    rows = [first | {"p_adjusted": p_adjusted, "least_points": 3.4}, second]
    return pd.DataFrame([shared | row for row in rows])


def bottled(**accuracy):
    return pd.DataFrame(
        [
            {"order": order, "arm": arm.replace("_", " "), "accuracy_c": share, "n_seeds": 8}
            | {"accuracy_k": 1.0 if order == "all together" else 0.4}
            for order in ("all together", "facts first, then text")
            for arm, share in accuracy.items()
        ]
    )


def costs(**verdicts):
    rows = [
        {"base_model": "Tiny", "model": arm, "verdict": verdict, "cost_points": 2.0, "margin": 3.0}
        | {"gain_points": 3.0, "gain_low": 0.7 if arm == "agreement" else -1.0, "gain_high": 5.3}
        | {"n_seeds": 1 if arm == "ensemble" else 3}
        for arm, verdict in verdicts.items()
    ]
    return pd.DataFrame(rows)


def barrier(*languages):
    shared = {"base_model": "Tiny", "model": "no text", "n": 420, "reference_accuracy": 0.757}
    rows = [shared | {"language": c, "gap_points": 10.0 + i} for i, c in enumerate(languages)]
    return pd.DataFrame(rows)


def test_without_tables_nothing_is_said():
    assert story.told({}) == "Nothing was compared."
    empty = {name: pd.DataFrame() for name in ("table06a_primary", "table07a_orders", "else")}
    assert story.told(empty) == "Nothing was compared."


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.002, "mixed by 8 words +3.7 [1.7, 5.6] on mixed questions stands; the others do not"),
        (0.2, "none of 2 comparisons stands (-0.5 to +3.7, where 1.9 to 3.4 would have been seen"),
    ],
)
def test_a_comparison_stands_by_its_corrected_p(p, said):
    text = story.told({"table06a_primary": compared(p)})
    assert said in text
    assert "420 items, 3 training seeds" in text
    assert "Mixed or parallel?" not in text  # No such comparison was made.


def test_mixed_or_parallel_is_read_from_the_comparisons_with_parallel_text():
    tables = {"table06a_primary": compared(0.2, against=primary.RIVAL)}
    assert "**Mixed or parallel?**" in story.told(tables)
    assert "What did mixed-language text do?" not in story.told(tables)
    right = {"parallel_text": 0.55, "mixed_by_sentence": 0.75, "mixed_by_8_words": 0.84}
    text = story.told({"table07a_orders": bottled(**right)})
    assert "75 to 84 % against 55 % (all together)" in text


def test_the_bottle_is_told_beside_its_controls_and_with_what_was_forgotten():
    text = story.told({"table07a_orders": bottled(unmixed=0.74, mixed_by_word=0.78)})
    assert "all together: mixed 78 %, unmixed 74 %; facts first" in text
    assert "facts first, then text: mixed 78 %, unmixed 74 %, and 40 % of them still known" in text
    assert "all together: unmixed 74 %;" in story.told({"table07a_orders": bottled(unmixed=0.74)})


def test_the_gap_counts_what_the_language_of_teaching_gained():
    table = compared(0.2)
    text = story.told({"table06a_primary": table})
    arm = primary.TREATMENTS[1]
    assert f"English itself moved against English only ({arm} +4.0); the gap" in text
    assert f"{arm} on mixed questions -0.3 [-2.6, 1.9] and {arm} on other trained" in text
    for older in (table.assign(narrowed_low=float("nan")), table.drop(columns="narrowed_low")):
        assert "itself moved" not in story.told({"table06a_primary": older})


def test_what_stands_is_told_under_the_other_rules():
    shared = {"base_model": "Tiny", "model": primary.TREATMENTS[1], "group": "mixup"}
    gain = {"gain_points": 0.7, "gain_low": -2.6, "gain_high": 4.1}
    gains = pd.DataFrame([shared | gain | {"rule": rule} for rule in ("sum", "pmi")])
    tables = {"table06a_primary": compared(0.002), "table06b_gains": gains}
    assert "mixed by 8 words on mixed questions: pmi +0.7 [-2.6, 4.1]." in story.told(tables)
    assert "other rules" not in story.told(tables | {"table06a_primary": compared(0.2)})


def test_each_base_model_is_told_by_itself():
    accuracy = {"English": 0.96, primary.GROUPS[0]: 0.34}
    rows = [
        {"base_model": "Tiny", "rule": "sum", "model": "2/3 word", "n": 288, "group": group}
        | {"accuracy": value}
        for group, value in accuracy.items()
    ]
    tables = {
        "table06a_primary": compared(0.2),
        "table06c_barrier": barrier("fr", "mixed"),
        "table06f_bridge": pd.DataFrame(rows),
        "table06g_costs": costs(agreement="equivalent"),
        "table06j_paper": published(),
        "table07a_orders": bottled(unmixed=0.74),
    }
    alone = story.told(tables)
    both = story.told(
        {
            name: pd.concat([t, t.assign(base_model="Other")]) if "base_model" in t else t
            for name, t in tables.items()
        }
    )
    assert both.count("Other") == both.count("Tiny") > alone.count("Tiny") == 1
    assert both.count("In the bottle") == 1


def test_costs_go_by_their_verdict():
    table = costs(agreement="equivalent", ensemble="worse", words="open", other="not worse")
    text = story.told({"table06g_costs": table})
    assert "kept: agreement -2.0, other -2.0; open: words -2.0; lost: ensemble† -2.0" in text
    assert "Gained in the other languages: agreement +3.0 [0.7, 5.3]. Lost in" in text
    assert text.endswith("Lost in the other languages: none. †: one training seed.")
    assert "Gained in the other languages: none." in story.told(
        {"table06g_costs": costs(words="open")}
    )
    lost = costs(words="open").assign(gain_low=-3.0, gain_points=-1.7, gain_high=-0.3)
    assert "Lost in the other languages: words -1.7 [-3.0, -0.3]." in story.told(
        {"table06g_costs": lost}
    )


def bridged(**english):
    """Arms with their accuracy in English, all with a gain of 9.0 points in other languages."""
    gain = {"gain_points": 9.0, "gain_low": 2.0, "gain_high": 16.0}
    return pd.DataFrame(
        {"rule": "sum", "model": arm.replace("_", " "), "n": 204, "group": group}
        | {"accuracy": right, **gain}
        for arm, share in english.items()
        for group, right in {"English": share, primary.GROUPS[0]: 0.34}.items()
    )


@pytest.mark.parametrize(("share", "learned"), [(0.96, True), (0.55, False)])
def test_of_facts_that_were_not_learned_nothing_is_concluded(share, learned):
    text = story.told({"table06f_bridge": bridged(none=1.0, half_word=share)})
    assert f"none 34 % (100.0 %) and half word 34 % ({100 * share:.1f} %) (204 facts" in text
    assert ("were to come first: half word." in text) != learned
    assert (
        f"Points over none, {primary.GROUPS[0]}: half word +9.0 [2.0, 16.0]." in text
    ) == learned
    assert "Points over none" not in story.told({"table06f_bridge": bridged(none=0.9, word=1.0)})
    assert "come first: all." in story.told(
        {"table06f_bridge": bridged(none=0.9, word=share - 0.1)}
    )


@pytest.mark.parametrize(
    ("languages", "said"),
    [
        (["fr"], "10.0 points fewer when a question is in French."),
        (["fr", "de", "mixed"], "10.0 to 11.0 points fewer when a question is in French or German"),
    ],
)
def test_the_barrier_is_told_for_any_languages(languages, said):
    text = story.told({"table06c_barrier": barrier(*languages)})
    assert said in text
    assert ("mixed" in text) == ("mixed" in languages)
    assert story.told({"table06c_barrier": barrier("mixed")}) == "Nothing was compared."


def grouped(name):
    row = {"base_model": "Tiny", "model": "2/3 word", "rule": "sum", "n": 288, "accuracy": 0.3}
    return pd.DataFrame([row | {"group": group} for group in (name, primary.GROUPS[0])])


@pytest.mark.parametrize("base", ["english", "xx"])
def test_an_unknown_base_is_refused(base):
    with pytest.raises(ValueError, match=f"no language '{base}'"):
        story.told({"table06c_barrier": barrier("fr")}, base)


@pytest.mark.parametrize("name", ["table06b_gains", "table06f_bridge"])
def test_a_base_that_the_tables_do_not_have_is_refused_with_theirs(name):
    tables = {name: grouped("English"), "table06g_costs": costs(words="open")}
    assert "Points in English" in story.told(tables)
    with pytest.raises(ValueError, match=r"base = 'sw' \(Swahili\): .*English: give base = 'en'"):
        story.told(tables, "sw")
    assert "Points in Swahili" in story.told(tables | {name: grouped("Swahili")}, "sw")


def test_a_base_that_was_compared_with_another_is_refused():
    with pytest.raises(ValueError, match=r"base = 'fr' \(French\): .* compare with another"):
        story.told({"table06c_barrier": barrier("fr", "mixed")}, "fr")


def published():
    claimed = {"model": "not named", "status": "second-hand", "base_model": "not named"}
    note = {"model": "Big", "status": "second-hand", "base_model": "Big", "task": "MMLU"}
    rows = [claimed | {"change": 12.0}, claimed | {"change": 28.0}, note | {"change": 3.1}]
    return pd.DataFrame(rows)


def test_the_paper_is_named_only_beside_our_own():
    assert story.told({"table06j_paper": published()}) == "Nothing was compared."
    text = story.told({"table06j_paper": published(), "table06a_primary": compared(0.2)})
    assert "12 to 28 points" in text
    assert (
        "one note has +3.1 for Big, MMLU; the largest of the primary effects here is +3.7" in text
    )
