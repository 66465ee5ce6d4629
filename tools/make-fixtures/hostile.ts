/** @file Text that tries to run, hide or mislead. */

/** Bidi controls, zero-width characters and an invisible copy of ASCII, around "safe". */
export const HIDDEN = "s\u200Ba\u202Ef\u2066e\u{E0041}\u{E0042}\u0007";

/** Each must come out of an import as the words "Visible text" and nothing that runs. */
export const HOSTILE_HTML = `<!doctype html>
<html>
  <head>
    <meta charset="utf-8" />
    <title>Hostile &lt;img src=x onerror=alert(1)&gt; page</title>
    <script>window.ran = "script";</script>
    <style>body { background: url("javascript:alert(1)"); }</style>
  </head>
  <body onload="window.ran = 'onload'">
    <h1 onclick="window.ran = 'click'">Visible <b>heading</b></h1>
    <p>Visible text <a href="javascript:window.ran='link'">with a link</a>.</p>
    <p>${HIDDEN}</p>
    <img src="x" onerror="window.ran = 'image'" />
    <svg onload="window.ran = 'svg'"><text>Not this</text><script>window.ran = "svg script"</script></svg>
    <noscript>Not this either</noscript>
    <template><p>Nor this</p></template>
    <iframe srcdoc="<script>parent.ran = 'frame'</script>">Nor this</iframe>
    <p>An entity: &lt;script&gt;window.ran = "entity"&lt;/script&gt;</p>
    <math><mtext></table><img src=x onerror="window.ran='math'"></mtext></math>
    <scr<script>ipt>window.ran = "split"</scr</script>ipt>
    <p>The end.</p>
  </body>
</html>
`;
