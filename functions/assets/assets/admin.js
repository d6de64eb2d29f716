// What the operator's pages do beside what all pages do: balances of the rows that are looked at.

/** Accounts that are asked at once. */
const AT_ONCE = 4;

const waiting = [];
let running = 0;

/** Asks for one balance after the other; a row that cannot be had says so, and is left alone. */
async function next() {
  const cell = waiting.shift();
  if (!cell) return;
  running += 1;
  cell.textContent = await balance(cell.dataset.balanceOf);
  running -= 1;
  next();
}

async function balance(account) {
  try {
    const answer = await fetch(`/admin/api/users/${account}`);
    return answer.ok ? dollars((await answer.json()).wallet.balanceMicroUsd) : "not known";
  } catch {
    return "not known";
  }
}

function dollars(micros) {
  const options = { style: "currency", currency: "USD", maximumFractionDigits: 6 };
  return (micros / 1e6).toLocaleString("en-US", options);
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.push(target);
    if (running < AT_ONCE) next();
  }
});

for (const cell of document.querySelectorAll("[data-balance-of]")) seen.observe(cell);
