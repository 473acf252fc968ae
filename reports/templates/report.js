// Comfort only: everything in this page works without it.
(() => {
  const arrowOf = (message) => message && document.querySelector(`.ladder a[href="#${message.id}"]`);
  const opened = () => document.querySelector(".message:target");
  let follows = false; // whether the message was asked for from the ladder or from another message
  // An open message is marked in the ladder, and the panel does not lie on the arrow it belongs to.
  const mark = () => {
    document.querySelectorAll(".row.open").forEach((row) => row.classList.remove("open"));
    const message = opened(), arrow = arrowOf(message);
    if (!arrow) return;
    arrow.classList.add("open");
    message.focus({ preventScroll: true });
    if (!follows) return;
    arrow.scrollIntoView({ block: "nearest", inline: "nearest" });
    const panel = message.getBoundingClientRect(), row = arrow.getBoundingClientRect();
    const below = panel.left < 1 ? row.bottom - panel.top + 8 : 0; // a small window has it at the bottom
    if (below > 0) scrollBy(0, below);
  };
  addEventListener("hashchange", mark);
  mark();
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const link = { Escape: "close", ArrowLeft: "previous", ArrowRight: "next", k: "previous", j: "next" }[event.key];
    const target = link && opened()?.querySelector("." + link);
    if (target) { event.preventDefault(); target.click(); }
  });
  addEventListener("click", (event) => {
    follows = Boolean(event.target.closest?.(".ladder, .message"));
    const arrow = event.target.closest?.(".message .close") && arrowOf(opened());
    if (arrow) addEventListener("hashchange", () => arrow.focus({ preventScroll: true }), { once: true });
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
