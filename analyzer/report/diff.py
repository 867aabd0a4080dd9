"""Two captures side by side, say before and after an upgrade, for a ticket and as a page."""

from __future__ import annotations

from analyzer.report.markdown import table as markdown_table
from analyzer.report.markdown import text as markdown_text
from analyzer.report.prose.changes import Side, compare, told, verdict


def markdown(before: Side, after: Side, title: str, note: str | None) -> str:
    """The comparison for a ticket: only what changed."""
    groups = compare(before, after)
    lines = [f"## {markdown_text(title)}", ""]
    if note:
        lines += [f"> {markdown_text(line)}" for line in note.splitlines()] + [""]
    lines += [f"**{markdown_text(verdict(groups))}**", ""]
    for name, side in (("Before", before), ("After", after)):
        lines.append(f"- {name}: {markdown_text(side.name)}, {markdown_text(side.totals.verdict())}")
    lines.append("")
    for group in groups:
        if group.changed:
            rows = [
                [markdown_text(line.name), markdown_text(line.before), markdown_text(line.after), told(group, line)]
                for line in group.changed
            ]
            lines += [f"### {group.title}", "", *markdown_table(["", "Before", "After", "Change"], rows, [1, 2])]
    lines.append(
        "Shares of the connections (of statements: of the commands) of each capture; changes within chance are left "
        "out. Made by handshark."
    )
    return "\n".join(lines) + "\n"


def html(before: Side, after: Side, title: str, note: str | None, theme: str = "auto") -> str:
    """The comparison as a page like the report's, without any script."""
    from analyzer.report.html.page import asset, environment, policy

    style = asset("style.css")
    groups = compare(before, after)
    return (
        environment()
        .get_template("diff.html")
        .render(
            title=title,
            note=note,
            theme=theme,
            before=before,
            after=after,
            groups=groups,
            verdict=verdict(groups),
            word=told,
            policy=policy(style, ""),
            style=style,
        )
    )
