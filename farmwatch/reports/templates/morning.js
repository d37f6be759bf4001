"use strict";
(() => {
  const field = document.getElementById("find");
  const box = document.getElementById("finding");
  const list = document.getElementById("list");
  const said = document.getElementById("found");
  if (!field || !box || !list || !said) return;
  const rows = Array.from(list.tBodies[0].rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  box.hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let count = 0;
    rows.forEach((row, at) => {
      const shown = texts[at].includes(wanted);
      row.hidden = !shown;
      count += shown ? 1 : 0;
    });
    said.textContent = wanted ? count + " of " + rows.length + " rows" : "";
    if (wanted) list.closest("details").open = true;
  });
})();
