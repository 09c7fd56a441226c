"""Made-up sentences in the twelve languages of the profile `paper`: what all texts are made of.

They mean nothing, but are long enough to be told apart by language, in scripts that hurt where a
reader takes bytes for characters.
"""

NAMES = ("Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hanako", "Ines", "Juma")

ASKED = {
    "en": (
        "Which of these stones was carried over the old bridge in the year {n}?",
        "In the village of {name}, how many lamps are lit when the harvest number {n} begins?",
        'Why did the teacher, {name}, write "{n}" on the wall of the school?',
    ),
    "fr": (
        "Laquelle de ces pierres a été portée sur le vieux pont pendant l'année {n} ?",
        "Dans le village de {name}, combien de lampes allume-t-on quand la récolte {n} commence ?",
        "Pourquoi le professeur, {name}, a-t-il écrit « {n} » sur le mur de l'école ?",
    ),
    "de": (
        "Welcher von diesen Steinen wurde im Jahr {n} über die alte Brücke getragen?",
        "Wie viele Lampen werden im Dorf von {name} angezündet, wenn die Ernte {n} beginnt?",
        "Warum schrieb der Lehrer, {name}, die Zahl „{n}“ an die Wand der Schule?",
    ),
    "es": (
        "¿Cuál de estas piedras fue llevada por el puente viejo durante el año {n}?",
        "En el pueblo de {name}, ¿cuántas lámparas se encienden cuando empieza la cosecha {n}?",
        "¿Por qué el maestro, {name}, escribió «{n}» en la pared de la escuela?",
    ),
    "it": (
        "Quale di queste pietre è stata portata sul vecchio ponte durante l'anno {n}?",
        "Nel villaggio di {name}, quante lampade si accendono quando comincia il raccolto {n}?",
        "Perché il maestro, {name}, ha scritto «{n}» sulla parete della scuola?",
    ),
    "pt": (
        "Qual destas pedras foi levada pela ponte velha durante o ano de {n}?",
        "Na aldeia de {name}, quantas lâmpadas são acesas quando a colheita {n} começa?",
        "Por que o professor, {name}, escreveu «{n}» na parede da escola?",
    ),
    "zh": (
        "这些石头中的哪一块在第{n}年被人们搬过了那座古老的桥？",
        "在{name}的村庄里，第{n}次收获开始的时候要点亮多少盏灯？",
        "为什么老师{name}在学校的墙上写下了“{n}”这个数字？",
    ),
    "ar": (
        "أي من هذه الحجارة نُقل فوق الجسر القديم في السنة {n}؟",
        "في قرية {name}، كم مصباحا يُضاء عندما يبدأ الحصاد رقم {n}؟",
        "لماذا كتب المعلم {name} العدد «{n}» على جدار المدرسة؟",
    ),
    "hi": (
        "वर्ष {n} में इनमें से कौन सा पत्थर पुराने पुल के ऊपर से ले जाया गया था?",
        "{name} के गाँव में जब फसल संख्या {n} की कटाई शुरू होती है तब कितने दीपक जलाए जाते हैं?",
        "शिक्षक {name} ने विद्यालय की दीवार पर “{n}” क्यों लिखा था?",
    ),
    "ja": (
        "{n}年にこれらの石のうちどれが古い橋を渡って運ばれましたか。",
        "{name}さんの村では、{n}回目の収穫が始まるとき、いくつの明かりがともされますか。",
        "なぜ先生の{name}さんは学校の壁に「{n}」と書いたのですか。",
    ),
    "ko": (
        "{n}년에 이 돌들 가운데 어느 것이 오래된 다리를 건너 옮겨졌습니까?",
        "{name}의 마을에서는 {n}번째 수확이 시작될 때 등불을 몇 개나 켭니까?",
        "선생님 {name}은 왜 학교 벽에 “{n}”이라고 썼습니까?",
    ),
    "sw": (
        "Ni jiwe lipi kati ya haya lililobebwa juu ya daraja la zamani katika mwaka wa {n}?",
        "Katika kijiji cha {name}, ni taa ngapi zinazowashwa wakati mavuno ya {n} yanapoanza?",
        "Kwa nini mwalimu {name} aliandika nambari {n} kwenye ukuta wa shule?",
    ),
}
"""Questions by language, with places for a name and a number; the second has most letters."""

THINGS = {
    "en": ("the grey stone", "a lamp, lit", "the long river", 'the "north" gate'),
    "fr": ("la pierre grise", "une lampe, allumée", "le long fleuve", "la porte du « nord »"),
    "de": ("der graue Stein", "eine Lampe, hell", "der lange Fluss", "das „Nordtor“"),
    "es": ("la piedra gris", "una lámpara, encendida", "el río largo", "la puerta del «norte»"),
    "it": ("la pietra grigia", "una lampada, accesa", "il lungo fiume", "la porta «nord»"),
    "pt": ("a pedra cinzenta", "uma lâmpada, acesa", "o rio longo", "o portão «norte»"),
    "zh": ("灰色的石头", "一盏点亮的灯", "漫长的河流", "北边的“大门”"),
    "ar": ("الحجر الرمادي", "مصباح مضاء", "النهر الطويل", "بوابة «الشمال»"),
    "hi": ("धूसर पत्थर", "जलता हुआ दीपक", "लंबी नदी", "“उत्तर” का द्वार"),
    "ja": ("灰色の石", "ともされた明かり", "長い川", "「北」の門"),
    "ko": ("회색 돌", "켜진 등불", "긴 강", "“북쪽” 문"),
    "sw": ("jiwe la kijivu", "taa, iliyowashwa", "mto mrefu", "lango la kaskazini"),
}
"""Four choices by language, which differ."""

AWKWARD = ("None", "NA", "0.5", "N/A")
"""Choices that readers of tables take for missing values or numbers."""


def asked(code: str, number: int) -> str:
    """Question `number` in a language."""
    forms = ASKED[code]
    name = NAMES[number // len(forms) % len(NAMES)]
    return forms[number % len(forms)].format(n=number, name=name)


def choices(code: str, number: int) -> list[str]:
    """The four choices of question `number` in a language, in an order of its own.

    Every tenth question has one that a table's reader may lose, in every language the same.
    """
    found = [THINGS[code][(number + slot) % 4] for slot in range(4)]
    if number % 10 == 9:
        found[number // 10 % 4] = AWKWARD[number // 10 % len(AWKWARD)]
    return found


def told(code: str, number: int) -> str:
    """Sentence `number` in a language, which asks nothing."""
    return f"{asked(code, number)} {choices(code, number)[0]}."


def sample() -> list[str]:
    """Texts in every language, for tokenizers to be trained on."""
    return [told(code, number) for code in ASKED for number in range(30)]
