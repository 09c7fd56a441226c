"use strict";
// Texts of questions come into the page as text only (textContent), never as HTML.
{
  const store = document.getElementById("questions");
  if (store) explore(JSON.parse(store.textContent));

  function explore(data) {
    const BATCH = 100; // Entries of the list that are made at a time.
    const REACH = 8; // Nats behind the likeliest choice at which a bar is empty, at least.
    const at = (id) => document.getElementById(id);
    const list = at("list");
    const detail = at("detail");
    const codes = Object.keys(data.languages);
    const questions = data.questions;
    let shown = [];
    let made = 0;
    let current = -1;
    let waiting = 0;

    const make = (tag, properties = {}, ...children) => {
      const { lang, ...rest } = properties;
      const element = Object.assign(document.createElement(tag), rest);
      if (lang) speak(element, lang);
      element.append(...children);
      return element;
    };
    const speak = (element, code) => {
      element.lang = code;
      element.dir = data.languages[code]?.[2] ?? "auto";
      element.classList.add("spoken");
      element.style.setProperty("--i", Math.max(codes.indexOf(code), 0));
    };
    const chip = (code) => {
      const known = data.languages[code];
      const element = make("span", { className: "chip", title: known ? `${known[0]}, ${known[1]}` : "" }, code);
      if (known) element.style.setProperty("--i", codes.indexOf(code));
      else element.classList.add("plain");
      return element;
    };
    const verdict = (score) =>
      make("span", { className: score[2] ? "right" : "wrong" }, score[2] ? "✓ right" : "✗ wrong");
    const label = (code) => (data.languages[code] ? `${code} · ${data.languages[code][0]}` : code);

    function choices(id, first, values, name = (value) => value) {
      at(id).append(make("option", { value: "" }, first));
      for (const value of values) at(id).append(make("option", { value }, name(value)));
      at(id).parentNode.hidden = values.length < 2;
    }
    const kinds = (name) => [...new Set(questions.map((each) => each[name]))];
    const several = data.models.length > 1;
    choices("f-language", "all languages", kinds("language"), label);
    choices("f-recomposition", "all recompositions", kinds("recomposition"));
    choices("f-subject", "all subjects", kinds("subject").sort());
    choices("f-model", "all models", data.models.map((_, place) => String(place)), (place) => data.models[place]);
    if (!several) at("f-answer").querySelector("[value=differ]").remove();
    for (const code of codes) {
      at("legend").append(make("span", {}, chip(code), ` ${data.languages[code][0]}`));
    }

    const searched = questions.map(() => null);
    const text = (place) => {
      const each = questions[place];
      searched[place] ??= [each.id, data.texts[each.context], ...each.options.map((o) => data.texts[o])]
        .join("\n")
        .toLocaleLowerCase();
      return searched[place];
    };

    function filter() {
      const [wanted, language, recomposition, subject, model, answer, order] = [
        "text", "language", "recomposition", "subject", "model", "answer", "order",
      ].map((name) => at(`f-${name}`).value);
      const words = wanted.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      const of = (each) => (model === "" ? each.scores : [each.scores[model]]).filter(Boolean);
      const margin = (place) => Math.min(...of(questions[place]).map((score) => score[3] ?? 0));
      shown = [];
      questions.forEach((each, place) => {
        if (language && each.language !== language) return;
        if (recomposition && each.recomposition !== recomposition) return;
        if (subject && each.subject !== subject) return;
        const scores = of(each);
        if (!scores.length) return;
        const right = scores.filter((score) => score[2]).length;
        if (answer === "right" && right < scores.length) return;
        if (answer === "wrong" && right > 0) return;
        if (answer === "differ") {
          const all = each.scores.filter(Boolean);
          const good = all.filter((score) => score[2]).length;
          if (good === 0 || good === all.length) return;
        }
        if (words.length && !words.every((word) => text(place).includes(word))) return;
        shown.push(place);
      });
      if (order) {
        const sign = order === "up" ? 1 : -1;
        const keys = new Map(shown.map((place) => [place, margin(place)]));
        shown.sort((a, b) => sign * (keys.get(a) - keys.get(b)));
      }
      const rates = data.models
        .map((name, place) => {
          const scores = shown.map((each) => questions[each].scores[place]).filter(Boolean);
          const right = scores.filter((score) => score[2]).length;
          if (!scores.length || (model !== "" && String(place) !== model)) return "";
          return `${name}: ${right.toLocaleString("en")} of ${scores.length.toLocaleString("en")} right`;
        })
        .filter(Boolean);
      at("count").textContent = shown.length
        ? `${shown.length.toLocaleString("en")} of ${questions.length.toLocaleString("en")} questions. ${rates.join("; ")}.`
        : "No question is like this.";
      list.replaceChildren();
      list.scrollTop = 0;
      made = 0;
      more();
      choose(shown.length ? 0 : -1);
    }

    function more() {
      const part = document.createDocumentFragment();
      for (const place of shown.slice(made, made + BATCH)) {
        const each = questions[place];
        const question = make("span", { className: "words", lang: each.spoken[0] }, data.texts[each.question]);
        const marks = make("span", { className: "marks" });
        each.scores.forEach((score, model) => {
          if (!score) return;
          const said = `${data.models[model]}: ${score[2] ? "right" : "wrong"}`;
          const mark = make("span", { className: score[2] ? "right" : "wrong", title: said }, score[2] ? "✓" : "✗");
          mark.setAttribute("aria-label", said);
          mark.setAttribute("role", "img");
          marks.append(mark);
        });
        const item = make("li", { id: `q${made}` }, chip(each.language), question, marks);
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.dataset.at = made++;
        part.append(item);
      }
      list.append(part);
    }

    function choose(place) {
      list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
      current = place;
      detail.replaceChildren();
      if (place < 0) return list.removeAttribute("aria-activedescendant");
      while (made <= place) more();
      const item = list.children[place];
      item.setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", item.id);
      const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
      if (top < list.scrollTop) list.scrollTop = top;
      else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
      draw(questions[shown[place]]);
    }

    function context(each) {
      const [whole, asked] = [data.texts[each.context], data.texts[each.question]];
      const start = whole.lastIndexOf(asked);
      const element = make("div", { className: "context" });
      if (start < 0) {
        element.dir = "auto";
        element.append(whole);
        return element;
      }
      const question = make("bdi", { lang: each.spoken[0] }, asked);
      element.append(whole.slice(0, start), question, whole.slice(start + asked.length));
      return element;
    }

    function draw(each) {
      const head = make("header", {}, make("h2", {}, each.subject));
      head.append(
        make("p", { className: "quiet" }, chip(each.language), ` ${each.recomposition} · `, make("code", {}, each.id)),
      );
      detail.append(head, context(each));
      const table = make("table", { className: "choices" });
      const names = make("tr", {}, make("th", { scope: "col" }, "choice"));
      data.models.forEach((name, model) => {
        if (each.scores[model]) names.append(make("th", { scope: "col" }, name));
      });
      table.append(make("thead", {}, names));
      const body = make("tbody");
      each.options.forEach((option, choice) => {
        const right = choice === each.answer;
        const code = each.spoken[choice + 1];
        const named = make("div", { className: "option" }, chip(code), make("bdi", { lang: code }, data.texts[option]));
        if (right) named.append(make("span", { className: "right tag" }, "right"));
        const row = make("tr", { className: right ? "answer" : "" }, make("th", { scope: "row" }, named));
        data.models.forEach((name, model) => {
          const score = each.scores[model];
          if (!score) return;
          const found = score[0].filter((value) => value !== null);
          const best = Math.max(...found);
          const reach = Math.max(REACH, best - Math.min(...found));
          const value = score[0][choice];
          const taken = score[1] === choice;
          const length = value === null ? 0 : Math.max(2, 100 * (1 - (best - value) / (1.15 * reach)));
          const bar = make("span", { className: `bar ${right ? "right" : "wrong"}` });
          bar.append(make("i"));
          bar.firstChild.style.inlineSize = `${length}%`;
          const shownValue = value === null ? "no value" : `${value.toFixed(2)} nats`;
          const cell = make("td", {}, bar, make("span", { className: "value" }, shownValue));
          if (taken) cell.append(make("span", { className: `${score[2] ? "right" : "wrong"} tag` }, "taken"));
          row.append(cell);
        });
        body.append(row);
      });
      const foot = make("tr", {}, make("th", { scope: "row" }, "margin"));
      each.scores.forEach((score) => {
        if (!score) return;
        const margin = score[3] === null ? "" : ` by ${Math.abs(score[3]).toFixed(2)}`;
        foot.append(make("td", {}, verdict(score), margin));
      });
      table.append(body, make("tfoot", {}, foot));
      detail.append(make("div", { className: "table" }, table));
      const why = data.rule === "sum" ? "the likeliest choice" : `the best choice under the rule ${data.rule}`;
      detail.append(
        make(
          "p",
          { className: "quiet" },
          `Log-likelihoods of the choices after this text (style ${data.style}); the longer a bar, the likelier. ` +
            `Taken is ${why}. Margin: of the right choice over the best wrong one.`,
        ),
      );
    }

    const step = (place) => shown.length && choose(Math.min(Math.max(place, 0), shown.length - 1));
    list.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return; // The browser's own.
      const page = Math.max(1, Math.floor(list.clientHeight / 48));
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (event.key in steps) step(current + steps[event.key]);
      else if (event.key === "Enter" && current >= 0) open_();
      else return;
      event.preventDefault();
    });
    const open_ = () => {
      detail.focus();
      detail.scrollIntoView({ block: "nearest" });
    };
    detail.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return; // The browser's own.
      if (event.key === "Escape") list.focus();
      else if (event.key === "ArrowDown" || event.key === "ArrowRight") step(current + 1);
      else if (event.key === "ArrowUp" || event.key === "ArrowLeft") step(current - 1);
      else return;
      event.preventDefault();
    });
    list.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (!item) return;
      choose(Number(item.dataset.at));
      if (matchMedia("(max-width: 52rem)").matches) detail.scrollIntoView();
    });
    list.addEventListener("scroll", () => {
      const left = list.scrollHeight - list.scrollTop - list.clientHeight;
      if (left < 600 && made < shown.length) more();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.target.matches("input, select") && !at("explorer").hidden) {
        event.preventDefault();
        at("f-text").focus();
      }
    });
    const form = document.querySelector(".filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const kind of ["input", "change"]) {
      form.addEventListener(kind, () => {
        clearTimeout(waiting);
        waiting = setTimeout(filter, 80);
      });
    }
    at("f-text").addEventListener("keydown", (event) => {
      if (event.key === "Escape" || event.key === "Enter") list.focus();
    });
    at("explore").hidden = false;
    filter();
  }
}
