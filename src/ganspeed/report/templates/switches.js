"use strict";
// Curves of a variant can be hidden: the legend of each figure becomes a row of switches. Without this script the
// legend is a legend, and every curve is shown.
for (const figure of document.querySelectorAll(".curves")) {
  const legend = figure.querySelector(".legend");
  const boxes = new Map();

  function show(variant, shown) {
    boxes.get(variant).checked = shown;
    for (const part of figure.querySelectorAll("[data-variant]")) {
      if (part.dataset.variant === variant && !legend.contains(part)) {
        part.classList.toggle("off", !shown);
      }
    }
  }

  for (const item of legend.querySelectorAll("li")) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => show(item.dataset.variant, box.checked));
    const label = document.createElement("label");
    label.append(box, ...item.childNodes);
    item.append(label);
    boxes.set(item.dataset.variant, box);
  }

  for (const [words, shown] of [["show all", true], ["hide all", false]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => boxes.forEach((_, variant) => show(variant, shown)));
    const item = document.createElement("li");
    item.append(button);
    legend.append(item);
  }
}
