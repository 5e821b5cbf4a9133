/** One table, four forms: HTML, Markdown, LaTeX (booktabs) and CSV. */
import { escapeCsv, escapeHtml, escapeLatex, escapeMarkdown } from "./escape";
import { verdictWords, type VerdictKind } from "./verdict";

export interface TableCell {
  readonly text: string;
  /** Smaller lines below: interval and n, the printed value, ... */
  readonly notes?: readonly string[];
  /** Link inside the report ("#cell-1"). */
  readonly href?: string;
  readonly verdict?: VerdictKind;
}

export interface Table {
  /** Letters, digits and hyphens. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly { readonly title: string; readonly numeric?: boolean; readonly help?: string }[];
  /** The first cell of a row is its header. */
  readonly rows: readonly (readonly (TableCell | string)[])[];
  /** Sentences below the table. */
  readonly notes?: readonly string[];
}

const asCell = (cell: TableCell | string): TableCell => (typeof cell === "string" ? { text: cell } : cell);

/** "≠ differs" */
export const verdictText = (kind: VerdictKind): string => `${verdictWords[kind].sign} ${verdictWords[kind].title}`;

function verdictBadge(kind: VerdictKind): string {
  const { sign, title } = verdictWords[kind];
  return `<span class="v v-${kind}"><i aria-hidden="true">${sign}</i> ${title}</span>`;
}

/** A table in a box that scrolls sideways where the page is narrow. */
export function htmlTable({ id, caption, columns, rows, notes = [] }: Table): string {
  const head = columns
    .map(({ title, numeric, help }) => {
      const attributes = `${numeric ? ' class="n"' : ""}${help ? ` title="${escapeHtml(help)}"` : ""}`;
      return `<th scope="col"${attributes}>${escapeHtml(title)}</th>`;
    })
    .join("");
  const body = rows
    .map((row) => {
      const cells = row.map((value, i) => {
        const { text, notes = [], href, verdict } = asCell(value);
        const main = href ? `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>` : escapeHtml(text);
        const lines = [...notes.map(escapeHtml), ...(verdict ? [verdictBadge(verdict)] : [])];
        const content = main + lines.map((line) => `<small>${line}</small>`).join("");
        if (i === 0) return `<th scope="row">${content}</th>`;
        return `<td${columns[i]?.numeric ? ' class="n"' : ""}>${content}</td>`;
      });
      const kinds = row.flatMap((cell) => asCell(cell).verdict ?? []);
      return `<tr${kinds.length ? ` data-v="${kinds.join(" ")}"` : ""}>${cells.join("")}</tr>`;
    })
    .join("\n");
  const below = notes.length ? `<p class="notes">${notes.map(escapeHtml).join(" ")}</p>` : "";
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table id="${escapeHtml(id)}">` +
    `<caption>${escapeHtml(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>${below}`
  );
}

/** The lines of a Markdown table; titles and cells are Markdown already. */
export function markdownRows(columns: Table["columns"], rows: readonly (readonly (string | number)[])[]): string[] {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title || " ")),
    line(columns.map(({ numeric }) => (numeric ? "---:" : "---"))),
    ...rows.map(line),
  ];
}

export function markdownTable({ caption, columns, rows, notes = [] }: Table): string {
  const cellText = (value: TableCell | string) => {
    const { text, notes = [], verdict } = asCell(value);
    return [text, ...notes, ...(verdict ? [verdictText(verdict)] : [])].map(escapeMarkdown).join("<br>");
  };
  return [
    `**${escapeMarkdown(caption)}**`,
    "",
    ...markdownRows(
      columns.map((column) => ({ ...column, title: escapeMarkdown(column.title) })),
      rows.map((row) => row.map(cellText)),
    ),
    ...(notes.length ? ["", escapeMarkdown(notes.join(" "))] : []),
    "",
  ].join("\n");
}

/** Rows above which a table runs over pages. */
const longRows = 30;

/** A `table`, or a `longtable` where it is long; needs \usepackage{adjustbox,booktabs,longtable,makecell}. */
export function latexTable({ id, caption, columns, rows, notes = [] }: Table): string {
  const cellText = (value: TableCell | string) => {
    const { text, notes = [], verdict } = asCell(value);
    const lines = [text, ...notes, ...(verdict ? [verdictWords[verdict].title] : [])].map(escapeLatex);
    return lines.length > 1 ? `\\makecell[tr]{${lines.join(" \\\\ ")}}` : lines[0];
  };
  const line = (cells: readonly string[]) => `${cells.join(" & ")} \\\\`;
  const words = `\\caption{${escapeLatex([caption, ...notes].join(". ").replaceAll("..", "."))}}`;
  const label = `\\label{tab:${id}}`;
  const head = ["\\toprule", line(columns.map(({ title }) => escapeLatex(title))), "\\midrule"];
  const body = rows.map((row) => line(row.map(cellText)));
  const long = rows.length > longRows;
  const names = long ? "p{0.3\\linewidth}" : "l"; // names of systems with their settings break into lines
  const spec = columns.map(({ numeric }, i) => (i === 0 ? names : numeric ? "r" : "l")).join("");
  if (long)
    return [
      "{\\scriptsize\\setlength{\\tabcolsep}{2pt}",
      `\\begin{longtable}{${spec}}`,
      `${words}${label}\\\\`,
      ...[...head, "\\endfirsthead", ...head, "\\endhead", "\\bottomrule", "\\endfoot"],
      ...body,
      "\\end{longtable}}",
      "",
    ].join("\n");
  return [
    "\\begin{table}",
    "\\centering\\small",
    "\\begin{adjustbox}{max width=\\linewidth}",
    `\\begin{tabular}{${spec}}`,
    ...head,
    ...body,
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{adjustbox}",
    words,
    label,
    "\\end{table}",
    "",
  ].join("\n");
}

/** Plain CSV with a header line. */
export function csv(
  columns: readonly string[],
  rows: readonly (readonly (string | number | undefined | null)[])[],
): string {
  const field = (value: string | number | undefined | null) =>
    value === undefined || value === null ? "" : typeof value === "number" ? String(value) : escapeCsv(value);
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
}
