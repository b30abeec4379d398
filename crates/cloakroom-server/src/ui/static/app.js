// Everything works without this file; it only saves typing and reloading.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// A one-time code arrives in the fragment, which no server sees; take it out of the address.
// A form that comes back with an error must not make anyone look for the link again.
const kept = "cloakroom-code";
const field = document.querySelector("[data-code]");
const takeCode = () => {
  if (!field) return sessionStorage.removeItem(kept);
  if (location.hash.includes("-")) {
    sessionStorage.setItem(kept, location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    field.value = "";
  }
  field.value ||= sessionStorage.getItem(kept) || "";
};
takeCode();
addEventListener("hashchange", takeCode);

// What the last act did is said once, not again on every reload.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

// Ages are told from the server's clock, in the words of moment.rs.
let base = { server: Number(document.documentElement.dataset.now), here: performance.now() };
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const ago = (age) => {
  const [far, past] = [Math.abs(age), age >= 0];
  if (far < 5) return "just now";
  if (far >= 604800) return null;
  if (far >= 86400 && far < 172800) return past ? "yesterday" : "tomorrow";
  const [unit, size] = units.find(([, seconds]) => far >= seconds);
  const count = Math.floor(far / size);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return past ? `${words} ago` : `in ${words}`;
};
const tellAges = () => {
  const now = base.server + performance.now() - base.here;
  for (const time of all("time[datetime]")) {
    const words = ago(Math.trunc((now - Date.parse(time.dateTime)) / 1000));
    if (words && words !== time.textContent) time.textContent = words;
  }
};
setInterval(tellAges, 1000);

// A link that is shown once can be copied; where the browser refuses, it is selected at least.
for (const button of all("button[data-copy]")) {
  const input = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    input.select();
    const copied = navigator.clipboard?.writeText(input.value).then(() => true, () => false);
    button.textContent = (await copied) ? "Copied" : "Selected";
  });
}

// Live parts are fetched anew, but never under somebody's finger, focus or selection.
const state = document.querySelector("[data-live-state]");
let settled = 0;
const inUse = (part) => part.querySelector("form:hover, :focus") || selects(part);
const selects = (part) => !getSelection().isCollapsed && getSelection().containsNode(part, true);
const rows = (part) => all("form", part).map((form) => form.action).join();
const refresh = async () => {
  const parts = all("[data-live]").filter((part) => !inUse(part));
  if (document.hidden || parts.length === 0) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.redirected || answer.status === 401) return location.reload();
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts.filter((part) => !inUse(part))) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    const before = rows(part);
    part.replaceWith(document.adoptNode(fresh));
    if (rows(fresh) !== before) settled = performance.now() + 500;
  }
  base = { server: Number(page.documentElement.dataset.now), here: performance.now() };
};
// Rows may have moved just before a click: such a click ends nothing.
addEventListener("submit", (event) => {
  if (performance.now() < settled && event.target.closest("[data-live]")) event.preventDefault();
});
if (state) {
  const [words, pause] = state.children;
  let live = true;
  const show = (text) => { words.textContent = state.dataset.state = text; };
  pause.addEventListener("click", () => {
    live = !live;
    show(live ? "Live" : "Paused");
    pause.textContent = live ? "Pause" : "Resume";
  });
  show("Live");
  state.hidden = false;
  const turn = async () => {
    if (live) await refresh().then(() => live && show("Live"), () => show("Not updating: no answer"));
    setTimeout(turn, 3000);
  };
  setTimeout(turn, 3000);
}
