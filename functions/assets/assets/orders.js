// The texts of an order while it is typed: the server's own words, with blanks that are filled with
// what stands in the form. What is drawn when the account is made is not known here.

const form = document.querySelector("form[data-order]");

/** What a field's blank says, as the server will say it; nothing where that is not known yet. */
const words = {
  order_number: (typed) => typed,
  credit_usd: amount,
  name: (typed) => typed && `${typed}-…`,
};

/** What the blanks say before anything is typed. */
const blanks = [...document.querySelectorAll("[data-fill]")].map((blank) => ({
  blank,
  untold: blank.textContent,
}));

/** Dollars and cents; what is no amount yet is not known. */
function amount(typed) {
  const [, dollars, parts = ""] = /^(\d+)(?:\.(\d{0,6}))?$/.exec(typed) ?? [];
  return dollars && `${BigInt(dollars)}.${parts.padEnd(2, "0").slice(0, 2)}`;
}

function fill() {
  for (const { blank, untold } of blanks) {
    const field = blank.dataset.fill;
    blank.textContent = words[field](form.elements.namedItem(field).value.trim()) || untold;
  }
}

form.addEventListener("input", fill);
fill();
