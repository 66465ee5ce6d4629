/** @file Entry of the demo page: URL parameters in, app on the screen, model under way. */
import { render } from "preact";
import { openPackStore } from "../src/index.ts";
import { readAddress } from "./address.ts";
import { App } from "./app.tsx";
import { Models } from "./models.ts";
import { Offline } from "./offline.ts";
import { Page } from "./page.ts";
import { readSettings } from "./settings.ts";

const { settings, problems } = readSettings(location.search, document.baseURI);
const address = readAddress(location.search);
const page = new Page(settings);
const models = new Models(openPackStore(), page, { settings });
const offline = new Offline(page.store);
render(<App page={page} models={models} offline={offline} problems={problems} />, document.getElementById("app")!);
offline.start();
if (problems.length === 0) {
  page.goTo(address);
  void page.openLibrary();
  void page.open();
  void models.open();
}
