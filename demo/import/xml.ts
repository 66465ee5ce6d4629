/** @file Small look-ups in XML. Pure. */
import { Parser } from "htmlparser2";

/** An element's start tag. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text inside it, of children too. */
  readonly text: string;
}

/** Elements of these names, in the order of their start tags. Prefixes count as part of the name. */
export function findElements(xml: string, names: readonly string[]): XmlElement[] {
  const found: { name: string; attributes: Record<string, string>; text: string }[] = [];
  const open: { text: string }[] = [];
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        if (!names.includes(name)) return;
        const element = { name, attributes, text: "" };
        found.push(element);
        open.push(element);
      },
      ontext: (text) => open.forEach((element) => (element.text += text)),
      onclosetag: (name) => void (names.includes(name) && open.pop()),
    },
    { xmlMode: true, decodeEntities: true },
  );
  parser.end(xml);
  return found;
}

/** The text of the first element of this name; `""` where there is none. */
export function firstText(xml: string, name: string): string {
  return findElements(xml, [name])[0]?.text ?? "";
}
