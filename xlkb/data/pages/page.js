"use strict";
// A long table can be narrowed to the rows that hold a text.
const LONG = 12;
const tables = document.querySelectorAll(".table > table.sortable");
for (const table of tables) {
  if (table.tBodies[0].rows.length <= LONG) continue;
  const input = document.createElement("input");
  input.type = "search";
  input.className = "filter";
  input.placeholder = `Filter ${table.tBodies[0].rows.length} rows`;
  input.setAttribute("aria-label", `${input.placeholder}: ${table.parentNode.getAttribute("aria-label")}`);
  input.addEventListener("input", () => {
    const wanted = input.value.toLocaleLowerCase();
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
    }
  });
  table.parentNode.before(input);
}
// The library answers to Enter; the space bar presses what is a button, too.
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches(".sortable th")) {
    event.preventDefault();
    event.target.click();
  }
});
