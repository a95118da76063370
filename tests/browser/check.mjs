// Opens every page of a reports folder in headless Chromium and says what a reader would stumble over.
// node check.mjs REPORTS CHROMIUM [SCREENSHOTS]: findings as JSON on stdout, one object per finding.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL, fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const [reports, executablePath, screenshots] = [resolve(process.argv[2]), process.argv[3], process.argv[4]];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const findings = [];
const find = (page, what) => findings.push({ page, what });

const pages = [];
const walk = (folder) => {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path);
    else if (name.endsWith(".html")) pages.push(path);
  }
};
walk(reports);

const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const tab = await browser.newPage();
let here = "";
tab.on("console", (message) => {
  if (message.type() === "error" || message.type() === "warn") find(here, `console: ${message.text()}`);
});
tab.on("pageerror", (error) => find(here, `script: ${error.message}`));
tab.on("dialog", (dialog) => { find(here, `dialog: ${dialog.message()}`); dialog.dismiss(); });
tab.on("request", (request) => {
  if (!request.isNavigationRequest()) find(here, `request: ${request.url()}`);
  else if (!request.url().startsWith("file://")) find(here, `navigation: ${request.url()}`);
});

const open = async (path, scheme, width) => {
  here = `${relative(reports, path)} (${scheme}, ${width})`;
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.setViewport({ width, height: 900 });
  await tab.goto(pathToFileURL(path).href);
};

for (const path of pages) {
  const name = relative(reports, path);
  const limit = name === "index.html" ? 500_000 : 1_000_000;
  if (statSync(path).size > limit) find(name, `weighs ${statSync(path).size} bytes, more than ${limit}`);
  for (const [scheme, width] of [["light", 1280], ["dark", 390]]) {
    await open(path, scheme, width);
    const { violations } = await tab.evaluate(`${axe}; axe.run()`);
    for (const { id, impact, nodes } of violations) {
      if (impact === "serious" || impact === "critical") {
        find(here, `axe ${impact} ${id}: ${nodes.length} times, first ${nodes[0].html.slice(0, 160)}`);
      }
    }
    const wide = await tab.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
    if (wide > 0) find(here, `scrolls sideways by ${wide} pixels`);
    if (await tab.evaluate(() => "planted" in window)) find(here, "text of a log ran as a script");
  }
  const links = await tab.$$eval("a[href]", (links) => links.map((link) => link.href));
  for (const link of new Set(links)) {
    const url = new URL(link);
    const target = fileURLToPath(`file://${url.pathname}`);
    if (url.protocol !== "file:" || !existsSync(target)) find(name, `leads nowhere: ${link}`);
    else if (url.hash && !readFileSync(target, "utf8").includes(` id="${decodeURIComponent(url.hash.slice(1))}"`)) {
      find(name, `no such place: ${link}`);
    }
  }
}

// By keyboard alone: from the bars to a day, and from there to why a minute is red.
const where = () => relative(reports, fileURLToPath(tab.url().split("#")[0]));
const focus = () => tab.evaluate(() => document.activeElement.className + " " + document.activeElement.textContent);
const press = async (key) => { await tab.keyboard.press(key); };
const follow = async () => { await Promise.all([tab.waitForNavigation(), tab.keyboard.press("Enter")]); };
const until = async (is, key) => {
  for (let n = 0; n < 300; n++) { await press(key); if (is(await focus())) return true; }
  return false;
};
await open(join(reports, "index.html"), "light", 1280);
if (!(await until((at) => at.startsWith("bar"), "Tab"))) find("index.html", "the tab key does not reach the bars");
const last = await focus();
const bars = await tab.$$eval(".bars", (bars) => bars[0].querySelectorAll("a.bar").length);
await press("ArrowLeft");
if (bars > 1 && (await focus()) === last) find("index.html", "arrow keys do not move along the bars");
const tip = await tab.evaluate(() => getComputedStyle(document.activeElement.querySelector(".tip")).display);
if (tip === "none") find("index.html", "a bar in focus does not show its numbers");
await press("Home");
await follow();
const day = where();
if (!/^daily\/[\d-]+\/index.html$/.test(day)) find("index.html", `Enter on a bar leads to ${day}`);
if (!(await until((at) => /^ \d\d:\d\d/.test(at), "Tab"))) find(day, "the tab key does not reach a red minute");
await follow();
if (!/explain-\d\d\.html$/.test(where())) find(day, `Enter on a red minute leads to ${where()}`);

// By mouse: sorting, zoom, a click on red.
await open(join(reports, day), "light", 1280);
const head = await tab.$("table.sortable th.number button");
await head.click();
const order = await tab.evaluate((button) => {
  const column = button.parentElement.cellIndex;
  return [...button.closest("table").tBodies[0].rows].map((row) => Number(row.cells[column].dataset.v));
}, head);
if (order.some((value, at) => at > 0 && value < order[at - 1])) find(day, `a click on a head does not sort: ${order}`);
const box = () => tab.$eval(".band svg", (svg) => svg.getAttribute("viewBox"));
const whole = await box();
await tab.click("[data-zoom=in]");
if ((await box()) === whole) find(day, "zooming in changes nothing");
await tab.click("[data-zoom=all]");
if ((await box()) !== whole) find(day, "the whole day does not come back");
const red = await tab.$eval("path.down", (path) => {
  const [, at, width] = path.getAttribute("d").match(/M(\d+) 0h(\d+)/);
  const band = path.ownerSVGElement.getBoundingClientRect();
  const slots = path.ownerSVGElement.viewBox.baseVal.width;
  path.scrollIntoView({ block: "center" });
  const box = path.ownerSVGElement.getBoundingClientRect();
  return { x: box.left + box.width * (Number(at) + Number(width) / 2) / slots, y: box.top + box.height / 2, band };
});
await Promise.all([tab.waitForNavigation(), tab.mouse.click(red.x, red.y)]);
if (!tab.url().includes("#t")) find(day, `a click on red leads to ${tab.url()}`);

if (screenshots) {
  await open(join(reports, "index.html"), "light", 1000);
  await tab.screenshot({ path: join(screenshots, "status.png"), clip: { x: 0, y: 0, width: 1000, height: 940 } });
  await open(join(reports, day), "dark", 1000);
  await tab.screenshot({ path: join(screenshots, "day.png"), clip: { x: 0, y: 0, width: 1000, height: 1250 } });
}
await browser.close();
console.log(JSON.stringify({ pages: pages.map((path) => relative(reports, path)), findings }, null, 1));
