// Comfort only: everything in this page works without it.
(() => {
  const near = (name) => document.querySelector(".message:target ." + name);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const link = { Escape: "close", ArrowLeft: "previous", ArrowRight: "next", k: "previous", j: "next" }[event.key];
    const target = link && near(link);
    if (target) { event.preventDefault(); target.click(); }
  });
  const tools = document.createElement("p");
  tools.className = "tools";
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    tools.append(made);
  };
  button("Unfold everything", (made) => {
    const open = made.textContent.startsWith("Unfold");
    document.querySelectorAll("details").forEach((fold) => { fold.open = open; });
    made.textContent = open ? "Fold everything" : "Unfold everything";
  });
  const scenarios = document.querySelectorAll(".scenario, .ran tbody tr");
  if ([...scenarios].some((one) => one.dataset.verdict === "pass") && document.querySelector('.scenario:not([data-verdict="pass"])')) {
    button("Hide what passed", (made) => {
      const hide = made.textContent.startsWith("Hide");
      scenarios.forEach((one) => { one.hidden = hide && one.dataset.verdict === "pass"; });
      made.textContent = hide ? "Show what passed" : "Hide what passed";
    });
  }
  document.querySelector("#ran h2").after(tools);
})();
