/**
 * @file What parity texts are cut from besides the English sample passages: languages and scripts, code, and what is
 * no language at all. Written for this project; CC0-1.0.
 */

/** Prose in other languages; together the scripts that Qwen3's tokenizer knows well and some that it spells byte by byte. */
export const LANGUAGES: readonly string[] = [
  "Der alte Leuchtturm steht seit zweihundert Jahren auf der Klippe. Wenn im Herbst die Stürme kommen, hört man das Meer bis ins Dorf, und die Fischer bleiben lieber zu Hause.",
  "Le boulanger se lève à trois heures du matin pour pétrir la pâte. À six heures, l'odeur du pain chaud remplit déjà toute la rue, et les premiers clients attendent devant la porte.",
  "La abuela guardaba las recetas en una caja de lata. Nunca medía la harina: decía que las manos saben más que la balanza, y sus pasteles siempre salían bien.",
  "冬天的早晨,湖面结了一层薄冰。老人沿着岸边慢慢散步,看见几只野鸭在芦苇丛里寻找食物。太阳升起以后,冰就渐渐融化了。",
  "祖父の畑には古い柿の木がある。秋になると実が赤く色づき、近所の子どもたちが集まってくる。渋い実は干して、冬の間のおやつにする。",
  "할머니는 매일 아침 시장에 가서 신선한 채소를 고르신다. 김치를 담그는 날이면 온 가족이 모여 배추를 씻고 양념을 버무린다.",
  "На краю деревни стоит старая мельница. Летом туда прилетают аисты, а зимой вокруг только снег и следы зайцев. Дети говорят, что ночью там горит свет.",
  "في الصباح الباكر يفتح التاجر دكانه الصغير في السوق القديم. تفوح رائحة القهوة والهيل، ويجلس الزبائن ليتحدثوا عن أخبار المدينة.",
  "בכל יום שישי אחר הצהריים השוק מתמלא באנשים. מוכרים זיתים, גבינות ולחם חם, וילדים רצים בין הדוכנים עם כדור ישן.",
  "हर साल बरसात के मौसम में गाँव की नदी भर जाती है। किसान खुश होते हैं, क्योंकि धान के खेतों को पानी मिलता है, लेकिन पुल पार करना कठिन हो जाता है।",
  "ทุกเช้าพระจะเดินบิณฑบาตผ่านหมู่บ้าน ชาวบ้านนำข้าวสวยและผลไม้มาถวาย แล้วเด็ก ๆ ก็เดินไปโรงเรียนตามทางริมคลอง",
  "Το καλοκαίρι το νησί γεμίζει επισκέπτες, αλλά τον χειμώνα μένουν μόνο λίγοι ψαράδες. Τα καφενεία κλείνουν νωρίς και ο άνεμος φυσάει στα στενά.",
  "Babam her pazar sabahı balkonda çay içer ve gazete okur. Komşunun kedisi de yanına gelir, güneşte uyur ve öğlene kadar yerinden kıpırdamaz.",
  "Mùa thu ở Hà Nội có hương hoa sữa và những gánh cốm xanh. Người ta đi chậm hơn, ngồi uống trà bên hồ và ngắm lá vàng rơi.",
  "Jesienią cała rodzina jeździ do lasu na grzyby. Dziadek zna każdą polanę, a babcia suszy borowiki nad piecem, żeby starczyło ich na wigilijną zupę.",
  "De fietsenmaker op de hoek repareert alles, van kinderfietsen tot oude tandems. Hij vraagt nooit veel, maar je moet wel naar zijn verhalen luisteren.",
  "No fim da tarde os pescadores puxam as redes para a areia. As gaivotas gritam, as crianças ajudam a escolher os peixes, e o sol desce devagar atrás do morro.",
  "Il treno regionale si ferma in ogni paese della valle. A quest'ora salgono gli studenti con gli zaini pesanti e qualche signora che torna dal mercato.",
  "I fjällen blommar hjortronen sent på sommaren. Vi vandrar mellan stugorna, dricker ur bäckarna och hoppas att myggen ska ge sig när det blåser upp.",
  "Järven rannalla on pieni sauna, jonka isoisä rakensi hirrestä. Löylyn jälkeen hypätään veteen, vaikka lokakuussa se onkin jo jääkylmää.",
  "A kertben áll egy diófa, amelyet dédapám ültetett. Ősszel kosárszámra szedjük a diót, és a padláson szárítjuk, hogy karácsonyra beigli legyen belőle.",
  "Щоранку бабуся годує курей і збирає яйця в плетений кошик. Потім вона пече млинці, і запах долинає аж до річки, де ми ловимо рибу.",
  "Bunica păstra scrisorile într-un sertar încuiat. După ce a murit, am citit despre războaie, despre dragoste și despre o iarnă în care zăpada acoperise casele.",
  "Nyanya yangu huamka mapema na kuchota maji kisimani. Kisha hupika ugali na mboga, na sisi watoto tunakula kabla ya kwenda shuleni.",
  "প্রতি বছর বৈশাখ মাসে নদীর ধারে মেলা বসে। মাটির পুতুল, বাঁশি আর মিষ্টি কিনতে দূর দূর গ্রাম থেকে মানুষ আসে।",
  "பாட்டி ஒவ்வொரு மாலையும் வாசலில் கோலம் போடுவார். மழை வந்தால் அது அழிந்துவிடும், ஆனால் மறுநாள் காலை மீண்டும் புதிதாக வரைவார்.",
  "საქართველოში სტუმარი ღვთის საჩუქარია. სუფრაზე ყოველთვის არის პური, ყველი და ღვინო, და თამადა სადღეგრძელოს ამბობს.",
  "Գարնանը ծիրանենիները ծաղկում են, և ամբողջ այգին սպիտակ է դառնում։ Պապս ասում է, որ լավ բերք կլինի, եթե սառնամանիք չլինի։",
  "የኢትዮጵያ ቡና ሥነ ሥርዓት ረጅም ጊዜ ይወስዳል። ፍሬው ይቆላል፣ ይፈጫል፣ ከዚያም በጀበና ይፈላል።",
  "هر بهار پیش از نوروز خانه را تمیز می‌کنیم و سبزه می‌کاریم. مادربزرگ هفت‌سین می‌چیند و بچه‌ها منتظر عیدی می‌مانند.",
];

/** Programs, configuration and markup. */
export const CODE: readonly string[] = [
  'import { readFile } from "node:fs/promises";\n\nexport async function countLines(path) {\n  const text = await readFile(path, "utf8");\n  return text.split("\\n").filter((line) => line.trim() !== "").length;\n}\n',
  "def primes(limit):\n    sieve = [True] * (limit + 1)\n    for n in range(2, int(limit ** 0.5) + 1):\n        if sieve[n]:\n            for m in range(n * n, limit + 1, n):\n                sieve[m] = False\n    return [n for n in range(2, limit + 1) if sieve[n]]\n",
  "SELECT c.name, COUNT(o.id) AS orders, SUM(o.total) AS spent\nFROM customers AS c\nLEFT JOIN orders AS o ON o.customer_id = c.id AND o.placed_at >= '2031-01-01'\nGROUP BY c.name\nHAVING SUM(o.total) > 100\nORDER BY spent DESC;\n",
  "fn largest<T: PartialOrd + Copy>(items: &[T]) -> Option<T> {\n    let mut rest = items.iter();\n    let mut best = *rest.next()?;\n    for &item in rest {\n        if item > best { best = item; }\n    }\n    Some(best)\n}\n",
  '<!doctype html>\n<html lang="en">\n  <head><meta charset="utf-8" /><title>Ferry times</title></head>\n  <body><table><tr><th>Leaves</th><th>Arrives</th></tr><tr><td>07:40</td><td>08:25</td></tr></table></body>\n</html>\n',
  '#include <stdio.h>\n\nint main(void) {\n    unsigned long long a = 0, b = 1;\n    for (int i = 0; i < 20; i++) {\n        printf("%llu\\n", a);\n        unsigned long long next = a + b;\n        a = b;\n        b = next;\n    }\n    return 0;\n}\n',
  'services:\n  web:\n    image: registry.example/shop:1.4\n    ports: ["8080:80"]\n    environment:\n      LOG_LEVEL: debug\n      CACHE_SECONDS: "300"\n    depends_on:\n      - database\n',
  "public record Point(double x, double y) {\n    public double distanceTo(Point other) {\n        return Math.hypot(x - other.x, y - other.y);\n    }\n}\n",
  'for file in *.jpg; do\n  width=$(identify -format \'%w\' "$file")\n  if [ "$width" -gt 2000 ]; then\n    convert "$file" -resize 2000x "small-$file"\n  fi\ndone\n',
  "func merge(a, b []int) []int {\n\tout := make([]int, 0, len(a)+len(b))\n\tfor len(a) > 0 && len(b) > 0 {\n\t\tif a[0] <= b[0] {\n\t\t\tout, a = append(out, a[0]), a[1:]\n\t\t} else {\n\t\t\tout, b = append(out, b[0]), b[1:]\n\t\t}\n\t}\n\treturn append(append(out, a...), b...)\n}\n",
];

/** Numbers, addresses, symbols, odd spaces, repetition. */
export const NOTATION: readonly string[] = [
  '{"order":10482,"items":[{"sku":"A-113","quantity":2,"price":14.95},{"sku":"B-007","quantity":1,"price":0.5}],"paid":true,"note":null}',
  "2031-02-28T23:59:60Z\t-17.5 °C\t1013.25 hPa\t0.0000314\t6.022e23\t1,299.00 €\t(+49) 30 555-0199",
  "https://example.org/search?q=blue+bicycle&sort=price%20asc&page=3#results mailto:someone@example.com",
  "🚲🌧️😀 → 🏠☕️ 👩‍👩‍👧‍👦 🇯🇵 🎻🎻🎻 ✅ ❌ ⚠️ 🧵🪡",
  "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε; ∑ₙ 1/n² = π²/6, √2 ≈ 1.41421356, ∇·E = ρ/ε₀",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa no no no no no no no no no no",
  "   indented,\n\n\n  then   blank lines\u00a0and\u2003wide spaces\t\ttabs\r\nand a line of Windows   ",
  "GCTAGCTTAACGGATCCATTGCAAGCTTGGCACTGGCCGTCGTTTTACAACGTCGTGACTGGGAAAACCCTGGCG",
  "THE QUICK BROWN FOX. tHe qUiCk bRoWn fOx!!! --- ... ??? «quoted» „Anführung“ ‘single’ “double” (((nested)))",
  "| Depth (m) | Salinity | Found |\n|---:|:---:|---|\n| 10 | 35.1 ‰ | cod, herring |\n| 400 | 34.9 ‰ | — |",
];
