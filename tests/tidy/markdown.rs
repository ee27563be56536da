//! As much of Markdown as the rules need: headings, links, and blocks of code.

/// A line outside blocks of code, with its number from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(idx, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((idx + 1, line))
    })
}

/// The blocks of code in a language, without their fences.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("```").skip(1).step_by(2);
    let blocks = parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'));
    blocks.map(str::to_owned).collect()
}

/// The targets of the links of a line, code set aside.
pub(crate) fn links(line: &str) -> Vec<&str> {
    let plain = line.split('`').step_by(2);
    let targets = plain.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    targets.collect()
}

/// The anchors that a renderer makes of the headings.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|char| char.is_alphanumeric() || "-_".contains(*char)).collect()
}

/// What stands between backticks in a line.
pub(crate) fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}
