"use strict";
// One part of the report is shown at a time: that of the address, "#02", or of what lies in it.
{
  const views = [...document.querySelectorAll(".view")];
  const links = [...document.querySelectorAll(".views a")];
  const wanted = () => {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return ""; // An address that was cut: "#%".
    }
  };
  const show = () => {
    const name = wanted().split("/")[0];
    const target = document.getElementById(name) || views[0];
    const view = target.closest(".view") || views[0];
    for (const each of views) each.hidden = each !== view;
    for (const link of links) {
      const here = link.hash === `#${view.id}`;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (here) link.parentNode.scrollLeft = link.offsetLeft - link.parentNode.clientWidth / 2;
    }
    if (target.matches("details")) target.open = true;
    if (target === view) scrollTo(0, 0);
    else target.scrollIntoView();
    view.dispatchEvent(new Event("shown"));
  };
  // A figure is on the page once: the others are copies.
  for (const image of document.querySelectorAll("img[data-of]")) {
    const source = document.querySelector(`img[data-figure="${CSS.escape(image.dataset.of)}"]`);
    if (source) image.src = source.src;
  }
  // Of tables, those that are open are printed; if none is, all of them.
  let opened = [];
  addEventListener("beforeprint", () => {
    const folds = [...document.querySelectorAll(".view:not([hidden]) details.fold")];
    opened = folds.some((each) => each.open) ? [] : folds;
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of opened.splice(0)) each.open = false;
  });
  addEventListener("hashchange", show);
  show();
}
