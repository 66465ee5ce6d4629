/** @file How a download goes, in words: for the load of the page and for the model panel. */
import type { DownloadProgress } from "../src/index.ts";
import { strings } from "./strings.ts";

const text = strings.models.arrival;

/** Speed and time left; who downloads when another does; what is wrong with the line. */
export function TransferLines({ progress }: { progress: DownloadProgress }) {
  const figures = text.transfer(progress);
  return (
    <>
      {figures !== "" && <p class="figures">{figures}</p>}
      {progress.by === "another-tab" && <p class="small">{text.otherTab}</p>}
      {progress.trouble !== null && (
        <p class="small trouble" data-testid="trouble">
          {text.trouble(progress.trouble)}
        </p>
      )}
    </>
  );
}
