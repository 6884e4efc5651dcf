// A browser that reaches nothing but this machine, and eyes for its pictures.
import { createHash } from "node:crypto";
import { chromium } from "playwright-core";

const QUIET = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: [...QUIET, NO_NAMES] });

// A page that notes in `outside` every request to another machine, none of which gets through.
export async function offlinePage(browser, outside, options = {}) {
  const viewport = { width: 1280, height: 960 };
  const context = await browser.newContext({ viewport, serviceWorkers: "block", ...options });
  await context.route(isOutside, route => {
    outside.push(route.request().url());
    return route.abort();
  });
  return context.newPage();
}

const isOutside = url => /^(https?|wss?):$/.test(url.protocol) && url.hostname !== "127.0.0.1";

// What is to be seen in a screenshot: which part of it is not background, and a name for exactly this picture.
export async function look(browser, png) {
  if (!eyes.has(browser)) eyes.set(browser, browser.newPage());
  const page = await eyes.get(browser), part = await page.evaluate(async source => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), paper = canvas.getContext("2d");
    paper.drawImage(image, 0, 0);
    const pixels = new Uint32Array(paper.getImageData(0, 0, image.width, image.height).data.buffer), count = new Map();
    for (const pixel of pixels) count.set(pixel, (count.get(pixel) ?? 0) + 1);
    return 1 - Math.max(...count.values()) / pixels.length;
  }, `data:image/png;base64,${png.toString("base64")}`);
  return { part, name: createHash("sha256").update(png).digest("hex") };
}

const eyes = new WeakMap(); // one empty page of each browser to look with
