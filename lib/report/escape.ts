/** Text into HTML, XML, Markdown and LaTeX. Everything that comes from records, suites or data passes through here. */

const htmlEntities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text of an element or of a quoted attribute. Control characters that no HTML or XML document may hold become U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (c) => htmlEntities[c]);
}

/** Text of a cell of a Markdown table. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\\`*_{}[\]|#~$]/g, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;");
}

const latexCommands: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "−": "$-$",
  "–": "--",
  "×": "$\\times$",
  "≥": "$\\geq$",
  "≤": "$\\leq$",
  "<": "$<$",
  ">": "$>$",
  // A bracket after \\\\ would be read as its length.
  "[": "{[}",
  "]": "{]}",
};

export function escapeLatex(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[&%$#_{}]|[\\~^±−–×≥≤<>[\]]/g, (c) => latexCommands[c] ?? `\\${c}`);
}

/** A field of a CSV line (RFC 4180); a text that a spreadsheet would run as a formula gets a leading quote. */
export function escapeCsv(text: string): string {
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
