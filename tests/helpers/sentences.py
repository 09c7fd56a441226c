"""A sentence in each language."""

# A short sentence and an unrelated one, no word in common.
SENTENCES = {
    "en": ("She was born in Lima, Peru", "they sing loudly"),
    "fr": ("Elle est née à l'hôpital de Lima, au Pérou", "ils chantent fort"),
    "de": ("Sie wurde in der Große Straße in Lima geboren", "alle singen laut"),
    "es": ("Ella nació en Lima, en el Perú", "todos cantan fuerte"),
    "it": ("È nata a Lima, in Perù", "tutti cantano forte"),
    "pt": ("Ela nasceu em Lima, no Peru", "todos cantam alto"),
    "nl": ("Ze werd op IJsland in Lima geboren", "allen zingen luid"),
    "ru": ("Она родилась в Лиме, в Перу", "все громко поют"),
    "zh": ("她出生在秘鲁，利马", "我们大声唱歌"),
    "ar": ("وُلِدت في ليما، عاصمة بيرو", "الجميع يغنون بصوت عال"),
    "hi": ("उसका जन्म 1945 में लीमा, पेरू में हुआ था", "सब ज़ोर से गाते हैं"),
    "ja": ("彼女はペルーのリマで、生まれた", "皆大声出す"),
    "ko": ("그녀는 페루 리마에서, 태어났다", "모두 크게 노래한다"),
    "tr": ("İzmir'de, Isparta ırmağında doğdu", "herkes yüksek sesle söyler"),
    "sw": ("Alizaliwa mjini Lima, nchini Peru", "wote wanaimba sana"),
    "vi": ("Cô ấy sinh ra ở Lima, thủ đô Peru", "mọi người hát to"),
    "he": ("היא נולדה בלימה, בירת פרו", "כולם שרים חזק"),
}
