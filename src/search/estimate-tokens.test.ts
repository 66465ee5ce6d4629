import { describe, expect, it } from "vitest";
import { QWEN, readTokenizerFiles } from "../../fixtures/tokenizer/files.ts";
import { createTokenizer } from "../tokenize/tokenizer.ts";
import { estimateTokens } from "./estimate-tokens.ts";

const files = readTokenizerFiles();

/** Article 1 of the Universal Declaration of Human Rights (United Nations), and everyday text of other kinds. */
const TEXTS: Readonly<Record<string, string>> = {
  English:
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
  "English prose":
    "The old harbour lay quiet that morning. Two boats had come in before dawn, and the men who brought them were asleep in the back room of the inn; nobody wanted to wake them. Mrs. Hale set out the bread, counted the cups twice, and looked at the clock on the wall, which hadn't moved since Thursday.",
  German:
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
  French:
    "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
  Finnish:
    "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
  Polish:
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
  Turkish:
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
  Vietnamese:
    "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi con người đều được tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
  Greek:
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
  Russian:
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
  Ukrainian:
    "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства.",
  Arabic:
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
  Hebrew:
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
  Hindi:
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
  Thai: "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
  Chinese: "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
  "Traditional Chinese": "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。",
  Japanese:
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
  Korean:
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
  code: 'export function sum(rows: readonly number[]): number {\n  let total = 0;\n  for (const row of rows) {\n    if (row > 0 && !Number.isNaN(row)) total += row * 2;\n  }\n  return total; // never null\n}\n\nif __name__ == "__main__":\n    print(f"{len(sys.argv):>4} args")\n',
  JSON: '{"id": 4711, "tags": ["alpha", "beta"], "box": {"x": -0.25, "y": 1e-9}, "ok": true, "url": "https://example.org/a?b=c&d=%20"}',
  numbers: "Sum 1,234,567.89 on 2024-03-17 at 08:15; order 00049-2210, phone +49 30 901820, 3 % of 12 000.",
  table: "| name  | price |\n| ----- | ----- |\n| bread |  3.20 |\n| milk  |  1.05 |\n\n==========\n",
  emoji: "Great 👍🏽 work 🎉🎉 see you 👩‍👩‍👧‍👦 in 🇫🇷 ❤️ 😂😂😂 ✅ ☀️",
};

describe.skipIf(!files)("estimateTokens", () => {
  it("is never a tenth under the tokenizer's count, nor far over it", async () => {
    const tokenizer = createTokenizer({ ...files!, ...QWEN });
    for (const [name, text] of Object.entries(TEXTS)) {
      const tokens = (await tokenizer.countTokens(text)) - 1;
      const share = estimateTokens(text) / tokens;
      expect(share, name).toBeGreaterThanOrEqual(0.9);
      expect(share, name).toBeLessThanOrEqual(2);
    }
  });
});

describe("estimateTokens of parts", () => {
  it("is 0 for nothing and a whole number for anything", () => {
    expect(estimateTokens("")).toBe(0);
    for (const text of ["a", " ", "\n\n", "\ud800", "é", "x".repeat(999)]) {
      expect(Number.isInteger(estimateTokens(text)), text).toBe(true);
      expect(estimateTokens(text)).toBeGreaterThan(0);
    }
  });
});
