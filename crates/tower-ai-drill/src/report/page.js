// Reads values off the plots where someone points; the page says all it has to say without it.
(() => {
  const readout = document.querySelector(".readout");
  for (const outage of document.querySelectorAll(".outage")) {
    const data = JSON.parse(outage.querySelector(".data").textContent);
    const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
    const describe = (time) => {
      const index = Math.floor(time / data.step);
      const phase = data.phases.find(([, end]) => time < end);
      const lines = [`${clock(time)}  ${phase ? phase[0] : ""}`];
      for (const { name, steps } of data.runs) {
        const [calls, answered, attempts, p50] = steps[index] ?? [0, 0, 0, null];
        if (calls === 0) continue;
        const wait = p50 === null ? "" : `, median ${(p50 / 1000).toFixed(1)} s`;
        const share = ((100 * answered) / calls).toFixed(1);
        lines.push(`${name}: ${share} % answered, ${(attempts / calls).toFixed(2)} attempts a call${wait}`);
      }
      return lines.join("\n");
    };
    const off = () => {
      outage.style.setProperty("--on", "0");
      readout.classList.remove("on");
    };
    for (const area of outage.querySelectorAll(".area")) {
      area.addEventListener("pointermove", (event) => {
        const box = area.getBoundingClientRect();
        const at = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999);
        outage.style.setProperty("--at", String(at));
        outage.style.setProperty("--on", "0.55");
        readout.textContent = describe(at * data.length);
        readout.classList.add("on");
      });
      area.addEventListener("pointerleave", off);
      area.addEventListener("pointercancel", off);
    }
  }
})();
