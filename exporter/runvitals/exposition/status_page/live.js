"use strict";
// Keeps the main part of the page up to date: asks for the page again, and changes what differs, node by node, so that
// focus, selection and scroll position stay where they are.
(() => {
  const main = document.getElementById("main");
  const link = document.getElementById("link");
  const TIMEOUT = 8000;
  let answered = Date.now();
  let timer = 0;

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

  function updateAttributes(old, fresh) {
    // What a person has unfolded stays so until the sidecar itself thinks otherwise than before.
    const isSame = old.dataset.open === fresh.dataset.open;
    const isKept = (name) => name === "open" && isSame;
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !isKept(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (old.getAttribute(name) !== value && !isKept(name)) old.setAttribute(name, value);
  }

  function update(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    updateAttributes(old, fresh);
    updateChildren(old, fresh);
  }

  const isAlike = (old, fresh) =>
    old !== null && old.nodeName === fresh.nodeName && keyOf(old) === null && keyOf(fresh) === null;

  function updateChildren(old, fresh) {
    const wanted = new Set([...fresh.children].map(keyOf));
    for (const child of [...old.children]) if (keyOf(child) !== null && !wanted.has(keyOf(child))) child.remove();
    const known = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = keyOf(child);
      const found = key === null ? (isAlike(at, child) ? at : null) : known.get(key);
      known.delete(key);
      if (!found) old.insertBefore(document.importNode(child, true), at);
      else {
        if (found === at) at = at.nextSibling;
        else old.insertBefore(found, at);
        update(found, child);
      }
    }
    while (at !== null) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  const findings = () => new Map([...main.querySelectorAll("[data-said]")].map((one) => [keyOf(one), one.dataset.said]));

  // A critical finding interrupts what a screen reader is saying; everything else waits until it has ended.
  function say(before, after) {
    const opened = [...after].filter(([key]) => !before.has(key)).map(([, said]) => said);
    const closed = [...before].filter(([key]) => !after.has(key)).map(([, said]) => said);
    const urgent = opened.filter((said) => said.startsWith("critical"));
    const calm = opened.filter((said) => !said.startsWith("critical"));
    if (urgent.length) document.getElementById("alert").textContent = `New: ${urgent.join("; ")}`;
    const words = [...calm.map((said) => `New: ${said}`), ...closed.map((said) => `Closed: ${said}`)];
    if (words.length) document.getElementById("said").textContent = words.join("; ");
  }

  function renew(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    if (fresh === null) throw new Error("no page");
    const before = findings();
    const focused = document.activeElement;
    update(main, document.adoptNode(fresh));
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    document.title = main.dataset.title;
    say(before, findings());
  }

  function tell(words, kind) {
    if (link.textContent !== words) link.textContent = words;
    link.className = kind;
  }

  async function ask() {
    if (document.hidden) return; // asked again once somebody looks
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
      if (!answer.ok) throw new Error(answer.statusText);
      renew(await answer.text());
      answered = Date.now();
      document.body.classList.remove("old");
      tell("Live", "good");
    } catch {
      document.body.classList.add("old");
      tell(`The sidecar has not answered since ${new Date(answered).toLocaleTimeString()}: what stands here is old`, "bad");
    }
  }

  async function go() {
    clearTimeout(timer);
    await ask();
    clearTimeout(timer);
    timer = setTimeout(go, 1000 * Number(main.dataset.period));
  }

  document.addEventListener("visibilitychange", () => document.hidden || go());
  timer = setTimeout(go, 1000);
})();
