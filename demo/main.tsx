/** @file Entry of the demo page: URL parameters in, app on the screen, model under way. */
import { render } from "preact";
import { App } from "./app.tsx";
import { Page } from "./page.ts";
import { readSettings } from "./settings.ts";

const { settings, problems } = readSettings(location.search, document.baseURI);
const page = new Page(settings);
render(<App page={page} problems={problems} />, document.getElementById("app")!);
if (problems.length === 0) {
  page.type(settings.query);
  void page.addSample(document.baseURI);
  void page.open();
}
