// The web site in a real browser without a network. What must hold:
//
//   every page   opens without an error, a failing request or a request to another machine; its links, pictures and
//                scripts exist, anchors included; it does not scroll sideways on a phone; it has no formula left unset
//   lessons      weigh less than 1.5 MB when they open
//   3-D views    draw something in the place of their picture; trajectories can be scrubbed
//   each kind    of page: axe-core finds no violation of WCAG 2 A and AA, in light and in dark
//   search       finds "9/2"
//   motion       who wants none gets a still on the first page
//   on paper     a lesson has its text, code and pictures, nothing to click, and nothing that is cut off
//
// node site.mjs                   all pages; of the 3-D views, the first on each page
// node site.mjs --all             every 3-D view
// node site.mjs 05 exercises/05   looks at pages only whose names begin like this
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { launch, look } from "./offline.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SITE = join(HERE, "..", "..", "tools", "site", "_build", "html"), SCREENSHOTS = join(HERE, "screenshots", "site");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], COLOURS = ["color-contrast", "link-in-text-block"];
const PHONE = { width: 390, height: 844 }, DESK = { width: 1280, height: 960 }, PAPER = { width: 718, height: 1046 }; // A4
const HANDS = 2; // pages looked at at the same time
const BUDGET = 1.5e6; // bytes of a lesson
const EMPTY = 0.01; // a scene that covers less of its canvas is none
const PATIENCE = 30_000; // milliseconds for something to change

const failures = [];
const check = (good, what) => good || (failures.push(what), console.log(`  FAILED: ${what}`));

async function until(condition, patience = PATIENCE) {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50)))
    if (await condition()) return true;
  return false;
}

// --- the site, served ------------------------------------------------------------------------------------------------

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
  ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif", ".woff2": "font/woff2",
  ".wasm": "application/wasm", ".webp": "image/webp",
};

const server = createServer((request, answer) => {
  const { pathname } = new URL(request.url, "http://x"), path = normalize(decodeURIComponent(pathname));
  try {
    const body = readFileSync(join(SITE, path.endsWith("/") ? `${path}index.html` : path));
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    answer.writeHead(200, { "content-type": type, "cache-control": "max-age=600" }).end(body);
  } catch {
    answer.writeHead(404).end();
  }
});

// --- pages -----------------------------------------------------------------------------------------------------------

// A page that notes everything that goes wrong on it, a request to another machine included: no name is known to it.
async function watchedPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: DESK, serviceWorkers: "block", ...options });
  const wrong = [], page = await context.newPage();
  page.setDefaultTimeout(120_000);
  page.on("console", message => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", error => wrong.push(error.message));
  const left = request => request.failure()?.errorText === "net::ERR_ABORTED"; // by going on to the next page
  page.on("requestfailed", request => left(request) || wrong.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on("response", answer => answer.status() >= 400 && wrong.push(`${answer.status()} ${answer.url()}`));
  return { page, wrong };
}

// What a page says about itself: its anchors, what it points at, and what is not as it should be.
function facts() {
  const local = url => url.origin === location.origin, targets = new Set();
  for (const element of document.querySelectorAll("[href], [src], [srcset]"))
    for (const name of ["href", "src", "srcset"]) {
      const value = element.getAttribute(name);
      if (value && !/^(data|mailto|javascript):/.test(value) && local(new URL(value, document.baseURI)))
        targets.add(new URL(value, document.baseURI).href);
    }
  return {
    anchors: [...document.querySelectorAll("[id], a[name]")].flatMap(e => [e.id, e.getAttribute("name")]).filter(Boolean),
    targets: [...targets],
    unset: [...document.querySelectorAll(".math")].filter(e => !e.querySelector(".katex")).map(e => e.textContent),
    silent: [...document.querySelectorAll("main img")].filter(e => !e.alt).map(e => e.getAttribute("src")),
  };
}

const unfold = () => document.querySelectorAll("details").forEach(details => (details.open = true));

// The page itself and all that it has asked for by now.
function asked() {
  const urls = [location.href, ...performance.getEntriesByType("resource").map(entry => entry.name)];
  return urls.filter(url => new URL(url).origin === location.origin);
}

function widest() {
  const wide = document.scrollingElement.scrollWidth, room = document.documentElement.clientWidth;
  if (wide <= room) return "";
  const cut = e => e && (getComputedStyle(e).overflowX !== "visible" || cut(e.parentElement));
  const sticksOut = e => e.getBoundingClientRect().right > room + 1 && !cut(e.parentElement.closest("main *"));
  const outside = [...document.querySelectorAll("main *")].filter(sticksOut);
  return `${wide} pixels wide, because of ${outside.slice(0, 3).map(e => `<${e.localName} class="${e.className}">`)}`;
}

async function checkPages(browser, pages) {
  const { page, wrong } = await watchedPage(browser);
  for (const name of pages) {
    await page.goto(url(name), { waitUntil: "commit" });
    await page.setViewportSize(DESK); // only now: the page before is as long as a phone makes it
    await page.waitForLoadState("load");
    await page.evaluate(() => document.fonts.ready);
    known.set(name, await page.evaluate(facts));
    if (/^\d\d_/.test(name)) weights.push([weight(await page.evaluate(asked)), name]);
    await page.setViewportSize(PHONE);
    await page.evaluate(unfold);
    const wide = await page.evaluate(widest);
    check(!wide, `${name} scrolls sideways on a phone: ${wide}`);
    for (const what of wrong.splice(0)) check(false, `${name}: ${what}`);
  }
  await page.context().close();
  return `${pages.length} pages`;
}
const known = new Map(), weights = []; // what the pages say about themselves; bytes and name of each lesson

function checkWeights() {
  for (const [bytes, name] of weights) check(bytes < BUDGET, `${name} weighs ${(bytes / 1e6).toFixed(2)} MB`);
  const heaviest = weights.toSorted(([a], [b]) => b - a).slice(0, 5);
  return `lessons by weight: ${heaviest.map(([bytes, name]) => `${name} ${(bytes / 1e6).toFixed(2)} MB`).join(", ")}`;
}

const weight = urls => [...new Set(urls.map(fileOf))].reduce((sum, file) => sum + sent(file), 0);

// Bytes on the way to the reader: GitHub Pages, like nearly all hosts, compresses text.
function sent(file) {
  if (!files.has(file)) return 0; // a complaint of its own
  if (!sizes.has(file)) {
    const body = readFileSync(join(SITE, file));
    sizes.set(file, /\.(html|css|js|mjs|json|svg)$/.test(file) ? gzipSync(body).length : body.length);
  }
  return sizes.get(file);
}
const sizes = new Map();

function fileOf(url) {
  return decodeURIComponent(new URL(url).pathname.replace(/\/$/, "/index.html")).slice(1);
}

function checkFacts() {
  for (const [name, { targets, unset, silent }] of known) {
    for (const formula of unset) check(false, `${name}: a formula is not set: ${formula}`);
    for (const picture of silent) check(false, `${name}: a picture without alt text: ${picture}`);
    for (const target of targets) {
      const file = fileOf(target), anchor = decodeURIComponent(new URL(target).hash.slice(1));
      if (!check(files.has(file), `${name}: ${file} does not exist`) || !anchor || !known.has(file)) continue;
      check(known.get(file).anchors.includes(anchor), `${name}: ${file} has no place #${anchor}`);
    }
  }
  return `links, anchors, pictures and formulas of ${known.size} pages`;
}

// --- 3-D views -------------------------------------------------------------------------------------------------------

async function checkViews(browser, name) {
  const { page, wrong } = await watchedPage(browser);
  await page.goto(url(name));
  const views = (await page.locator(".in-3d").all()).slice(0, everyView ? undefined : 1);
  for (const [k, view] of views.entries()) {
    const what = `${name}, 3-D view ${k + 1}`, canvas = view.locator("canvas").first();
    if (!(await openView(view, what))) continue;
    const seen = async () => look(browser, await canvas.screenshot());
    check(await until(async () => (await seen()).part > EMPTY), `${what}: the canvas is empty`);
    check(!(await view.locator(".picture").count()), `${what}: the picture is still there`);
    if (await view.locator(".ipa-player").count()) await checkPlayer(view.locator(".ipa-player"), seen, what);
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-view${k + 1}.png`) });
  }
  for (const what of wrong) check(false, `${name}, a 3-D view: ${what}`);
  await page.context().close();
  return `${name}: ${views.length} 3-D views`;
}

async function checkPlayer(player, seen, what) {
  const slider = player.locator("input"), scrub = async to => (await slider.fill(to), (await seen()).name);
  const last = await slider.getAttribute("max");
  check((await scrub("0")) !== (await scrub(last)), `${what}: the slider does not change the scene`);
}

// --- for everybody ---------------------------------------------------------------------------------------------------

// All rules in light; in dark, where only colours are others, the rules of colours. What a screen reader reads of a
// formula is looked at; its hundreds of visible spans are KaTeX's, in the colour of the words around.
async function checkForEverybody(browser, name) {
  const { page } = await watchedPage(browser, { colorScheme: "light" }), found = {};
  await page.goto(url(name), { waitUntil: "load" });
  if (await page.locator(".live").count()) await page.waitForSelector(".live[data-alive]");
  if (await page.locator(".in-3d").count()) await openView(page.locator(".in-3d").first(), name);
  await page.evaluate(unfold);
  await page.addStyleTag({ content: "* { transition: none !important }" }); // no colour on its way to another
  await page.evaluate(AXE);
  for (const [theme, runOnly] of Object.entries({ light: { type: "tag", values: WCAG }, dark: { type: "rule", values: COLOURS } })) {
    await page.emulateMedia({ colorScheme: theme });
    check(await until(() => page.evaluate(wanted => document.documentElement.dataset.theme === wanted, theme)), `${name} does not turn ${theme}`);
    const { violations } = await page.evaluate(runOnly => window.axe.run({ exclude: ".katex-html" }, { runOnly, resultTypes: ["violations"] }), runOnly);
    for (const { id, help, nodes } of violations)
      check(false, `${name} in ${theme}: ${id}, ${help}; ${nodes.length} times, first ${nodes[0].html.slice(0, 120)}\n    ${nodes[0].any[0]?.message}`);
    found[theme] = violations.length;
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(SCREENSHOTS, `${name.replaceAll("/", "-")}-${theme}.png`) });
  }
  await page.context().close();
  return `${name}: axe finds ${found.light} violations in light, ${found.dark} in dark`;
}

async function openView(view, what) {
  await view.locator("button").first().click();
  return check(await until(() => view.locator("canvas").first().isVisible()), `${what}: no canvas`);
}

async function checkPaper(browser, name) {
  const { page, wrong } = await watchedPage(browser, { viewport: PAPER });
  await page.goto(url(name), { waitUntil: "load" });
  await page.emulateMedia({ media: "print" });
  const { shown, cut, missing } = await page.evaluate(onPaper);
  check(!shown.length, `${name} on paper shows ${shown}`);
  check(!cut.length, `${name} on paper cuts off ${cut}`);
  check(!missing.length, `${name} on paper lacks ${missing}`);
  await page.pdf({ path: join(SCREENSHOTS, `${name}.pdf`), format: "A4" });
  for (const what of wrong) check(false, `${name} on paper: ${what}`);
  await page.context().close();
  return `${name} on paper`;
}

function onPaper() {
  const visible = element => element.checkVisibility() && element.getBoundingClientRect().width > 0;
  const clickable = ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-area, .page-tools, .in-3d > button, .copybtn";
  const all = selector => [...document.querySelectorAll(selector)], name = e => `<${e.localName} class="${e.className}">`;
  return {
    shown: all(clickable).filter(visible).map(name),
    cut: all("main pre, main table, main img, main .math").filter(e => visible(e) && e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.localName === "pre").map(name),
    missing: all("main div.cell_input, main .picture").filter(e => !e.closest("details:not([open])") && !visible(e)).map(name),
  };
}

async function checkSearch(browser, words, expected) {
  const { page, wrong } = await watchedPage(browser);
  await page.goto(url("index.html"));
  await page.keyboard.press("Control+k");
  await page.keyboard.type(words);
  await page.keyboard.press("Enter");
  const found = page.locator(`#search-results li a[href*="${expected}"]`).first();
  check(await until(() => found.isVisible(), 15_000), `search for ${words} does not find ${expected}`);
  await page.screenshot({ path: join(SCREENSHOTS, "search.png") });
  for (const what of wrong) check(false, `search: ${what}`);
  const count = await page.locator("#search-results li").count();
  await page.context().close();
  return `search for ${words}: ${count} pages`;
}

async function checkMotion(browser) {
  for (const [reducedMotion, expected] of [["reduce", "turning.png"], ["no-preference", "turning.webp"]]) {
    const { page } = await watchedPage(browser, { reducedMotion });
    await page.goto(url("index.html"), { waitUntil: "load" });
    const source = await page.locator(".film img").first().evaluate(image => image.currentSrc);
    check(source.endsWith(expected), `with prefers-reduced-motion: ${reducedMotion} the first page shows ${source}`);
    await page.context().close();
  }
  return "a still on the first page for who wants no motion";
}

// --- all -------------------------------------------------------------------------------------------------------------

const files = new Set(readdirSync(SITE, { recursive: true }).map(name => name.replaceAll("\\", "/")));
const everyView = process.argv.includes("--all");
const wanted = process.argv.slice(2).filter(word => word !== "--all"); // such as 05 exercises api/index; all when none is named
const isWanted = name => !wanted.length || wanted.some(start => name.startsWith(start));
const isPage = name => name.endsWith(".html") && !name.startsWith("_static/");
const pages = [...files].filter(name => isPage(name) && isWanted(name)).sort();
const withViews = pages.filter(name => readFileSync(join(SITE, name), "utf8").includes('<div class="in-3d">'));
const kinds = ["13_fold.html", "api/index.html", "exercises/05_distances.html", "index.html", "live/turn.html", "live/dream.html"];
const url = name => `http://127.0.0.1:${server.address().port}/${name}`;

rmSync(SCREENSHOTS, { recursive: true, force: true });
mkdirSync(SCREENSHOTS, { recursive: true });
await new Promise(ready => server.listen(0, "127.0.0.1", ready));
const browser = await launch();

// What there is to do, and its name; each waits for a free hand.
const share = hand => pages.filter((_, k) => k % HANDS === hand);
const jobs = [
  ...Array.from({ length: HANDS }, (_, hand) => ["pages", () => checkPages(browser, share(hand))]),
  ...kinds.filter(name => pages.includes(name)).map(name => [name, () => checkForEverybody(browser, name)]),
  ...withViews.map(name => [name, () => checkViews(browser, name)]),
  ...pages.filter(name => name.startsWith("05")).map(name => [name, () => checkPaper(browser, name)]),
  ["search", () => checkSearch(browser, "9/2", "06_weights.html")],
  ["motion", () => checkMotion(browser)],
];
async function attempt([name, step]) {
  const start = Date.now(), said = await (async () => step())().catch(error => check(false, `${name}: ${error.message}`));
  if (typeof said === "string") console.log(`${said} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}
async function work() {
  for (let job; (job = jobs.shift()); ) await attempt(job);
}
try {
  check(withViews.length || wanted.length, "no page has a 3-D view");
  await Promise.all(Array.from({ length: HANDS }, work));
  for (const job of [["weights", checkWeights], ["links", checkFacts]]) await attempt(job);
} finally {
  await browser.close();
  server.close();
}
console.log(failures.length ? `${failures.length} failure(s)` : `all well; screenshots in ${SCREENSHOTS}`);
process.exit(failures.length ? 1 : 0);
