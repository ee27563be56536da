//! What a page of Markdown has, with the numbers of its lines.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::tree::File;

#[derive(Default)]
pub(crate) struct Page {
    /// Where its links lead.
    pub(crate) links: Vec<(usize, String)>,
    /// What stands between backticks.
    pub(crate) codes: Vec<(usize, String)>,
    /// What links may name of it.
    pub(crate) anchors: Vec<String>,
    /// Blocks of code, each with its language.
    pub(crate) blocks: Vec<(String, String)>,
}

impl Page {
    pub(crate) fn of(file: &File) -> Self {
        let mut page = Self::default();
        let (mut heading, mut block) = (None, None);
        for (event, range) in Parser::new_ext(&file.text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = file.text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => page.links.push((line, dest_url.into_string())),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    block = Some((language.into_string(), String::new()));
                }
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|text| anchor(&text)))
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(text) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&text));
                    block.iter_mut().for_each(|(_, block)| block.push_str(&text));
                }
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&code));
                    page.codes.push((line, code.into_string()));
                }
                Event::Start(_)
                | Event::End(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::SoftBreak
                | Event::HardBreak
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
        }
        page
    }
}

/// As renderers make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|char| char.is_alphanumeric() || "-_".contains(*char)).collect()
}
