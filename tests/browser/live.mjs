// The live pages in a real browser without a network: the same numbers as PyTorch, and every control does something.
//
//     node tests/browser/live.mjs FOLDER REFERENCE.json [turn | dream]
//
// FOLDER is made by tools/site/live/export.py, REFERENCE.json by tests/live_reference.py. CHROMIUM says which browser.
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./live_server.mjs";
import { launch, look, offlinePage } from "./offline.mjs";

const HERE = dirname(fileURLToPath(import.meta.url)), SCREENSHOTS = join(HERE, "screenshots");
const FRAGMENTS = join(HERE, "..", "..", "tools", "site", "live");
const CLOSE = 1e-4, NEAR = 0.01; // of an attention weight; in Å, after a whole dream
const AT_LEAST = 20, AT_MOST = 15; // attentions a second; seconds for a dream of 50 steps
const PATIENCE = 300_000; // milliseconds for something to happen: nobody waits for it on a good day

const [folder, reference, only] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(reference, "utf8"));
const failures = [];
const check = (good, what) => good || (failures.push(what), console.log(`  FAILED: ${what}`));

async function until(condition, patience = PATIENCE) {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise(done => setTimeout(done, 100)))
    if (await condition()) return true;
  return false;
}

async function open(browser, port, name, options) {
  const outside = [], said = [], page = await offlinePage(browser, outside, options);
  page.on("console", message => message.type() === "error" && said.push(message.text()));
  page.on("pageerror", error => said.push(error.message));
  page.setDefaultTimeout(PATIENCE);
  const left = request => request.failure()?.errorText === "net::ERR_ABORTED"; // by closing the page
  page.on("requestfailed", request => left(request) || said.push(`no answer: ${request.url()}`));
  await page.goto(`http://127.0.0.1:${port}/live/${name}.html?theme=${options?.theme ?? "light"}`);
  const end = async () => {
    check(!outside.length, `${name} asks another machine for ${outside}`);
    check(!said.length, `${name} says ${said.join("; ")}`);
    await page.context().close();
  };
  return { page, end };
}

const alive = (page, name) => page.waitForSelector(`#${name}[data-alive]`);
const shot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `live-${name}.png`), fullPage: true });

// --- turn it ---------------------------------------------------------------------------------------------------------

async function checkTurn(browser, port) {
  const { page, end } = await open(browser, port, "turn");
  await alive(page, "turn");
  for (const { ipa, naive, ...inputs } of expected.turn) {
    const off = await page.evaluate(compare, { ipa, naive, inputs });
    const what = `with ${JSON.stringify({ ...inputs, atoms: undefined })}`;
    for (const name of ["ipa", "naive"]) check(off[name] < CLOSE, `turn: ${name} is off by ${off[name]} ${what}`);
    console.log(`turn, ${what}: off by ${off.ipa.toExponential(1)} (IPA), ${off.naive.toExponential(1)} (naive)`);
  }
  const rate = await page.evaluate(measureRate);
  console.log(`turn: ${rate.toFixed(0)} attentions of each kind in a second, of 76 residues`);
  check(rate > AT_LEAST, `turn: only ${rate} attentions a second`);

  const verdict = async name => Number(await page.textContent(`[data-map=${name}] output`));
  const box = await page.locator(".live-scene").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 120, box.y + box.height / 2 + 40, { steps: 6 });
  await page.mouse.up();
  check(await until(async () => (await verdict("naive")) > 0.01), "turn: dragging does not change the naive map");
  check((await verdict("ipa")) < 1e-5, `turn: dragging changes IPA's map by ${await verdict("ipa")}`);
  await shot(page, "turn-dragged");

  const ipaChanges = () => until(async () => (await verdict("ipa")) > 1e-3);
  for (const what of ["mirror", "move"]) {
    await page.click(`[data-do=${what}]`);
    check(await ipaChanges(), `turn: ${what} does not change IPA's map`);
    await shot(page, `turn-${what}`);
    await page.click(`[data-do=${what}]`);
  }
  const picture = () => page.evaluate(() => document.querySelector("[data-map=ipa] canvas").toDataURL());
  for (const [name, change] of Object.entries({
    scalar: () => page.uncheck("[name=scalar]"), pair: () => page.uncheck("[name=pair]"), point: () => page.uncheck("[name=point]"),
    gamma: async () => (await page.check("[name=point]"), page.fill("[name=gamma]", "8")), unit: () => page.selectOption("[name=unit]", "1"),
  })) {
    const before = await picture();
    await change();
    check(await until(async () => (await picture()) !== before), `turn: ${name} changes nothing`);
  }
  const freezes = async () => /freezes/.test(await page.textContent(".live-reading"));
  check(await until(freezes), "turn: in ångström it does not say that attention freezes");
  await page.click("[data-do=reset]");
  await page.focus(".live-scene");
  const seen = async () => (await look(browser, await page.locator(".live-scene").screenshot())).name, still = await seen();
  await page.keyboard.press("ArrowRight");
  check(await until(async () => (await seen()) !== still), "turn: the arrow keys do not turn it");
  check(await until(() => hoverOverSome(page)), "turn: hovering over the protein chooses no residue");
  await shot(page, "turn-hovered");
  await page.click("[data-do=reset]");
  check(await until(async () => page.isHidden("[data-map=naive] .live-row")), "turn: a new beginning leaves a row marked");
  await page.locator("[data-map=naive] canvas").hover();
  check(await until(async () => page.isVisible("[data-map=naive] .live-row")), "turn: hovering over a map marks no row");
  await end();
}

// The mouse goes to some place of the protein, and stays there for the moment that 3Dmol.js waits for.
async function hoverOverSome(page) {
  const { x, y, width, height } = await page.locator(".live-scene").boundingBox(), near = () => 0.3 + 0.4 * Math.random();
  await page.mouse.move(x + near() * width, y + near() * height);
  await page.waitForTimeout(700);
  return page.isVisible("[data-map=ipa] .live-row");
}

// Who wants less motion is shown the protein turned, not turning.
async function checkCalm(browser, port) {
  const { page, end } = await open(browser, port, "turn", { reducedMotion: "reduce" });
  await alive(page, "turn");
  const values = await page.evaluate(spinAndWatch);
  check(values.length === 2, `turn, with less motion: on its way the naive map says ${values}`);
  await end();
}

// What the naive map says from before the protein is turned to two seconds after.
async function spinAndWatch() {
  const output = document.querySelector("[data-map=naive] output"), values = [output.textContent], end = performance.now() + 2000;
  document.querySelector("[data-do=spin]").click();
  while (values.length < 2 || performance.now() < end) {
    await new Promise(done => setTimeout(done, 20));
    if (output.textContent !== values.at(-1)) values.push(output.textContent);
  }
  return values;
}

async function compare({ ipa, naive, inputs }) {
  const { look } = document.querySelector("#turn"), now = await look(Float32Array.from(inputs.atoms), inputs);
  const off = (a, b) => (a.length === b.length ? a.reduce((most, x, k) => Math.max(most, Math.abs(x - b[k])), 0) : Infinity);
  return { ipa: off(now.ipa, ipa), naive: off(now.naive, naive) };
}

async function measureRate() {
  const { look, facts } = document.querySelector("#turn"), N_CA_C = (_, k) => k % 12 < 9;
  const atoms = Float32Array.from(facts.atoms.filter(N_CA_C)), settings = { unit: 0.1, terms: [1, 1, 1], gamma: 1 };
  let fastest = Infinity; // others may be at work on this machine
  for (let k = 0; k < 60; k++) {
    const began = performance.now();
    await look(atoms, settings);
    fastest = Math.min(fastest, performance.now() - began);
  }
  return 1000 / fastest;
}

// --- dream -----------------------------------------------------------------------------------------------------------

async function checkDream(browser, port) {
  const { page, end } = await open(browser, port, "dream");
  await alive(page, "dream");
  const found = await page.evaluate(dreamAgain, expected.dream);
  for (const [k, off] of Object.entries(found.off)) {
    console.log(`dream: off by ${off.toExponential(1)} Å after step ${k}`);
    check(off < NEAR, `dream: off by ${off} Å after step ${k}`);
  }
  const { steps, length } = expected.dream, alone = steps * found.fastest; // if nobody else were at work on this machine
  console.log(`dream: ${found.seconds.toFixed(1)} s for ${steps} steps of ${length} residues, ${alone.toFixed(1)} s at the pace of the fastest`);
  check(alone < AT_MOST, `dream: it takes ${alone} s`);

  const finish = async steps => until(async () => (await page.textContent(".live-progress output")) === `step ${steps} of ${steps}`);
  await page.click("[data-do=dream]");
  check(await until(async () => /^step [1-9]/.test(await page.textContent(".live-progress output"))), "dream: no step");
  await shot(page, "dream-walking");
  check(await finish(50), "dream: it does not end");
  check((await look(browser, await page.locator(".live-scene").screenshot())).part > 0.01, "dream: nothing is drawn");
  check(/%/.test(await page.textContent("[data-judge=phi_psi] td")), "dream: no judge has spoken");
  await shot(page, "dream-done");
  await page.selectOption("[name=hold]", "dream");
  await page.evaluate(() => document.querySelector("[name=steps]").add(new Option("5"))); // what is held is so at every step
  await page.selectOption("[name=steps]", "5");
  await page.click("[data-do=noise]");
  check(await until(async () => /first 32 residues are where they were/.test(await page.textContent(".live-reading"))), "dream: nothing is held");
  const apart = await page.evaluate(heldBeginning);
  console.log(`dream: the held half moved by ${apart.toExponential(1)} nm`);
  check(apart < 1e-9, `dream: the held half moved by ${apart} nm`);
  await shot(page, "dream-held");
  await end();
}

async function dreamAgain({ length, steps, draws, ...ends }) {
  let at = 0, fastest = Infinity, before = performance.now();
  const draw = n => Float64Array.from(draws.slice(at, (at += n))), off = {}, began = before;
  for await (const told of document.querySelector("#dream").walk({ length, steps, draw })) {
    const now = performance.now();
    [fastest, before] = [Math.min(fastest, now - before), now];
    const end = ends[`after_${told.k}`];
    if (end) off[told.k] = told.atoms.reduce((most, x, k) => Math.max(most, Math.abs(x - end[k])), 0);
  }
  return { off, seconds: (before - began) / 1000, fastest: fastest / 1000 };
}

// Dreams the rest of ubiquitin, and says how far its held half is from where it was.
async function heldBeginning() {
  const { walk, facts } = document.querySelector("#dream"), truth = facts.ubiquitin, held = 38;
  const draw = n => Float64Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
  let told;
  for await (told of walk({ length: truth.length, steps: 5, draw, held, truth }));
  return told.translations.slice(0, 3 * held).reduce((most, x, k) => Math.max(most, Math.abs(x - truth.translations[k])), 0);
}

// --- both ------------------------------------------------------------------------------------------------------------

// On a phone, in light and in dark. (In full width, and with axe: site.mjs.)
async function checkLooks(browser, port, name) {
  const { page, end } = await open(browser, port, name, { viewport: { width: 390, height: 844 } });
  await alive(page, name);
  for (const theme of ["light", "dark"]) {
    await page.evaluate(theme => (document.documentElement.dataset.theme = theme), theme);
    await page.waitForTimeout(500);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, `${name}, ${theme}: it scrolls sideways on a phone by ${wide} pixels`);
    await shot(page, `${name}-phone-${theme}`);
  }
  await end();
}

// Without WebAssembly, and without scripts, there is the still and a word about it.
async function checkStills(browser, port, name) {
  const { page, end } = await open(browser, port, name, { javaScriptEnabled: false });
  check(await page.isVisible(".live-still img"), `${name} without scripts: no picture`);
  check(await page.evaluate(() => document.querySelector(".live-still img").naturalWidth > 0), `${name}: the picture is missing`);
  check(await page.isHidden(".live-stage"), `${name} without scripts: there is a stage`);
  await end();
  const context = await browser.newContext(), bare = await context.newPage();
  await bare.addInitScript(() => delete window.WebAssembly);
  await bare.goto(`http://127.0.0.1:${port}/live/${name}.html`);
  const says = async () => /no WebAssembly/.test(await bare.textContent(".live-message"));
  check(await until(says), `${name} without WebAssembly: it does not say so`);
  check(await bare.isVisible(".live-still img"), `${name} without WebAssembly: no picture`);
  await context.close();
}

mkdirSync(SCREENSHOTS, { recursive: true });
const server = await serve(folder, FRAGMENTS), { port } = server.address(), browser = await launch();
const attempt = step => step.catch(error => check(false, error.message));
try {
  const both = Object.entries({ turn: checkTurn, dream: checkDream }).filter(([name]) => !only || only === name);
  await Promise.all(both.map(async ([name, checkPage]) => {
    await attempt(checkPage(browser, port));
    if (name === "turn") await attempt(checkCalm(browser, port));
    await attempt(checkLooks(browser, port, name));
    await attempt(checkStills(browser, port, name));
  })); // prettier-ignore
} finally {
  await browser.close();
  server.close();
}
console.log(failures.length ? `${failures.length} failure(s)` : `all well; screenshots in ${SCREENSHOTS}`);
process.exit(failures.length ? 1 : 0);
