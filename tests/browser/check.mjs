// The notebooks in a real browser without a network. What must hold, for each that has a 3-D view or a widget:
//
//   in JupyterLab   it runs from top to bottom; every view draws something, in the place of its picture, and can be
//                   turned; every trajectory plays and can be scrubbed; every slider and menu changes an output
//   as a web page   (nbconvert) every view is alive too
//   scripts off     there are pictures instead, and no trace of a view
//   everywhere      nothing is asked of another machine, and nothing says that it failed
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Jupyter } from "./jupyter.mjs";
import { launch, look, offlinePage } from "./offline.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const NOTEBOOKS = join(HERE, "..", "..", "notebooks"), SCREENSHOTS = join(HERE, "screenshots");
const VIEW = "ipa-view", WIDGET = "application/vnd.jupyter.widget-view+json";
// What may be asked for, in vain: the badge in the first cell, and by nbconvert's template formulas and widgets.
const EXPECTED = [
  /^https:\/\/colab\.research\.google\.com\/assets\/colab-badge\.svg$/,
  /^https:\/\/cdnjs\.cloudflare\.com\/ajax\/libs\/(mathjax|require\.js|mermaid)/,
];
const EMPTY = 0.01; // a scene that covers less of its canvas is none
const PATIENCE = 30_000; // milliseconds for something to change

const failures = [];
const check = (good, what) => good || (failures.push(what), console.log(`  FAILED: ${what}`));

// --- one cell --------------------------------------------------------------------------------------------------------

async function until(condition, patience = PATIENCE) {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 100)))
    if (await condition()) return true;
  return false;
}

async function checkViews(browser, cell, name) {
  for (const [k, view] of (await cell.locator(`.${VIEW}`).all()).entries()) {
    const what = `${name}, view ${k + 1}`, canvas = view.locator("canvas").first();
    if (!check(await until(() => canvas.isVisible()), `${what}: no canvas`)) continue;
    const seen = async () => look(browser, await canvas.screenshot());
    const drawn = async () => (await seen()).part > EMPTY;
    check(await until(drawn), `${what}: the canvas is empty`);
    check(await view.evaluate(pictureIsHidden), `${what}: the picture is still there`);
    if (await view.locator(".ipa-player").count()) await checkPlayer(view.locator(".ipa-player"), seen, what);
    const before = await seen(), { x, y, width, height } = await canvas.boundingBox();
    await canvas.page().mouse.move(x + width / 2, y + height / 2);
    await canvas.page().mouse.down();
    await canvas.page().mouse.move(x + width / 2 + 90, y + height / 2 + 20, { steps: 4 });
    await canvas.page().mouse.up();
    check(await until(async () => (await seen()).name !== before.name), `${what}: the mouse does not turn it`);
  }
}

function pictureIsHidden(view) {
  const output = view.closest(".jp-OutputArea-child")?.previousElementSibling;
  return output?.querySelector("img") != null && getComputedStyle(output).display === "none";
}

async function checkPlayer(player, seen, what) {
  const slider = player.locator("input"), place = () => slider.inputValue(), start = await place();
  check(await until(async () => (await place()) !== start), `${what}: the trajectory does not play`);
  const scrub = async to => (await slider.fill(to), (await seen()).name);
  const last = await slider.getAttribute("max");
  check((await scrub("0")) !== (await scrub(last)), `${what}: the slider does not change the scene`);
  check((await place()) === last, `${what}: the slider does not stop the trajectory`);
}

async function checkWidgets(cell, name) {
  const sliders = await cell.locator(".noUi-handle").all(), menus = await cell.locator(".widget-dropdown select").all();
  const alive = sliders.length + menus.length || (await cell.locator(".widget-hprogress").count());
  check(alive, `${name}: no slider, no menu, no progress bar`);
  const moves = [...sliders.map(slider => () => pushSlider(slider)), ...menus.map(menu => () => chooseNext(menu))];
  for (const [k, move] of moves.entries()) {
    const before = await cell.evaluate(shownByWidgets);
    await move();
    const changed = async () => (await cell.evaluate(shownByWidgets)) !== before;
    check(await until(changed), `${name}: slider or menu ${k + 1} changes no output`);
  }
}

async function pushSlider(slider) {
  await slider.focus();
  await slider.press((await slider.evaluate(e => e.ariaValueNow === e.ariaValueMax)) ? "ArrowLeft" : "ArrowRight");
}

async function chooseNext(menu) {
  await menu.selectOption({ index: await menu.evaluate(e => (e.selectedIndex + 1) % e.length) });
}

function shownByWidgets(cell) {
  const parts = cell.querySelectorAll(".jupyter-widgets img, .jupyter-widgets .jp-OutputArea-output, .widget-html");
  return [...parts].map(part => part.src ?? part.innerText).join("\n");
}

async function checkWords(place, name) {
  const text = await place.innerText();
  const bad = text.match(/failed to load|error (displaying|creating|loading) widget|loading widget|javascript error/i);
  check(!bad, `${name}: it says "${bad?.[0]}"`);
  check(!(await place.evaluate(pinkBox)), `${name}: there is a pink box`);
}

function pinkBox(place) {
  return [...place.querySelectorAll("*")].some(e => getComputedStyle(e).backgroundColor === "rgb(255, 204, 204)");
}

function checkRequests(outside, name) {
  const ours = outside.filter(url => !EXPECTED.some(known => known.test(url)));
  check(!ours.length, `${name}: asks another machine for ${ours}`);
}

// --- one notebook ----------------------------------------------------------------------------------------------------

async function checkInLab(browser, jupyter, name) {
  const outside = [], page = await offlinePage(browser, outside), shot = screenshots(page, name, "lab");
  await page.goto(jupyter.page(name));
  await page.waitForFunction(() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.content?.widgets?.length > 1 && panel.sessionContext?.session?.kernel?.status === "idle";
  }, null, { timeout: 60_000 });
  checkUntouched(await page.evaluate(asOpened), name, join(jupyter.folder, `${name}.ipynb`));
  await page.evaluate(async () => {
    await window.jupyterapp.commands.execute("notebook:clear-all-cell-outputs");
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
  });
  const cells = await page.evaluate(outputsOfCells);
  for (const { index, count, outputs } of cells) {
    const cellName = `${name} in JupyterLab, cell ${index + 1}`;
    check(count !== null, `${cellName} was not run`);
    check(!outputs.includes('"output_type":"error"'), `${cellName} ends with an error`);
    if (!outputs.includes(VIEW) && !outputs.includes(WIDGET)) continue;
    await page.evaluate(bringIntoSight, index);
    const cell = page.locator(`[data-checked="${index}"]`);
    if (outputs.includes(VIEW)) await checkViews(browser, cell, cellName);
    if (outputs.includes(WIDGET)) await checkWidgets(cell, cellName);
    await checkWords(cell, cellName);
    await shot(`cell${index + 1}`);
  }
  const count = what => cells.filter(({ outputs }) => outputs.includes(what)).length;
  check(count(VIEW) + count(WIDGET), `${name} in JupyterLab: neither a view nor a widget`);
  checkRequests(outside, `${name} in JupyterLab`);
  await page.evaluate(() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown());
  await page.context().close();
  return `${count(VIEW)} cells with views, ${count(WIDGET)} with widgets`;
}

// To open is not to change, if one has the Python that executed the notebook.
function checkUntouched({ dirty, language }, name, path) {
  const { version } = JSON.parse(readFileSync(path)).metadata.language_info;
  if (version === language.version) check(!dirty, `${name} in JupyterLab counts as changed when it is opened`);
}

function asOpened() {
  const { model } = window.jupyterapp.shell.currentWidget.context;
  return { dirty: model.dirty, language: model.getMetadata("language_info") };
}

function outputsOfCells() {
  return window.jupyterapp.shell.currentWidget.content.widgets.flatMap(({ model }, index) => {
    if (model.type !== "code") return [];
    return [{ index, count: model.executionCount, outputs: JSON.stringify(model.outputs.toJSON()) }];
  });
}

// JupyterLab keeps only the cells around the visible ones in the page.
async function bringIntoSight(index) {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, "start");
  notebook.widgets[index].node.dataset.checked = index;
}

async function checkAsPage(browser, path, name) {
  const outside = [], page = await offlinePage(browser, outside);
  await page.goto(pathToFileURL(path).href);
  await checkViews(browser, page.locator("body"), `${name} as a web page`);
  await checkWords(page.locator("body"), `${name} as a web page`);
  await screenshots(page, name, "page")("end");
  checkRequests(outside, `${name} as a web page`);
  await page.context().close();
}

async function checkWithoutScripts(browser, path, name, views) {
  const outside = [], page = await offlinePage(browser, outside, { javaScriptEnabled: false });
  const where = `${name} with scripts off`, shot = screenshots(page, name, "noscript");
  await page.goto(pathToFileURL(path).href);
  const pictures = await page.evaluate(() =>
    [...document.querySelectorAll("img[src^='data:image/png']")].map(e => e.naturalWidth * e.checkVisibility()));
  check(pictures.length >= views && pictures.every(width => width > 0), `${where}: pictures are missing`);
  check(!(await page.locator("canvas, .ipa-player").count()), `${where}: something is alive`);
  const empty = page.locator(`.${VIEW} [id^="3dmolviewer"]`);
  for (const box of await empty.all()) check((await box.boundingBox())?.height === 0, `${where}: an empty box`);
  check((await empty.count()) === views, `${where}: ${await empty.count()} views, not ${views}`);
  await checkWords(page.locator("body"), where);
  if (views) await page.locator(`.${VIEW}`).first().evaluate(view => view.scrollIntoView({ block: "end" }));
  await shot("view");
  checkRequests(outside, where);
  await page.context().close();
}

const screenshots = (page, name, kind) => what =>
  page.screenshot({ path: join(SCREENSHOTS, `${name.slice(0, 2)}-${kind}-${what}.png`) });

// --- all -------------------------------------------------------------------------------------------------------------

const source = name => readFileSync(join(NOTEBOOKS, `${name}.ipynb`), "utf8");
const all = readdirSync(NOTEBOOKS).filter(file => /^\d\d_.*\.ipynb$/.test(file)).map(file => file.slice(0, -6));
const wanted = process.argv.slice(2);
const unknown = wanted.filter(number => !all.some(name => name.startsWith(`${number}_`)));
if (unknown.length) {
  console.error(`There is no notebook ${unknown.join(", ")}. Say which by number, for example: 01 09`);
  process.exit(2);
}
const names = all.filter(name =>
  wanted.length ? wanted.includes(name.slice(0, 2)) : new RegExp(`${VIEW}|import ipywidgets`).test(source(name)));

rmSync(SCREENSHOTS, { recursive: true, force: true });
mkdirSync(SCREENSHOTS);
const jupyter = new Jupyter(NOTEBOOKS), browser = await launch();
try {
  const [pages] = await Promise.all([jupyter.convert(names), jupyter.start()]);
  for (const name of names) {
    const start = Date.now(), views = source(name).split(`<div class=\\"${VIEW}\\">`).length - 1;
    const attempt = step => step.catch(error => check(false, `${name}: ${error.message}`));
    await attempt(checkWithoutScripts(browser, pages[name], name, views));
    if (views) await attempt(checkAsPage(browser, pages[name], name));
    const what = await attempt(checkInLab(browser, jupyter, name));
    console.log(`${name}: ${what} (${Math.round((Date.now() - start) / 1000)} s)`);
  }
} finally {
  await browser.close();
  await jupyter.stop();
}
console.log(failures.length ? `${failures.length} failure(s)` : `all well; screenshots in ${SCREENSHOTS}`);
process.exit(failures.length ? 1 : 0);
