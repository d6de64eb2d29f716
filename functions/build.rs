//! Guides and the changelog, from Markdown to HTML: while the Worker is built, never in it.

use std::{env, error::Error, fs, path::Path};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// Where guides are written.
const GUIDES: &str = "guides";
const CHANGELOG: &str = "../CHANGELOG.md";

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    println!("cargo::rerun-if-changed={GUIDES}");
    for file in fs::read_dir(GUIDES)? {
        let path = file?.path();
        let Some(name) = path.file_stem().and_then(|it| it.to_str()) else { continue };
        println!("cargo::rerun-if-changed={}", path.display());
        fs::write(Path::new(&out).join(name).with_extension("html"), page(&path)?)?;
    }
    println!("cargo::rerun-if-changed={CHANGELOG}");
    let changelog = page(Path::new(CHANGELOG))?;
    Ok(fs::write(Path::new(&out).join("changelog.html"), changelog)?)
}

/// The HTML of a file.
fn page(path: &Path) -> Result<String, Box<dyn Error>> {
    let markdown = fs::read_to_string(path)?;
    let events: Vec<Event<'_>> = Parser::new_ext(&markdown, Options::ENABLE_TABLES).collect();
    let mut page = String::new();
    html::push_html(&mut page, dressed(events).into_iter());
    Ok(page)
}

/// Headings can be linked to; what may be wider than its window scrolls on its own, by keyboard
/// too. The first heading is left to the page around it.
fn dressed(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut dressed = Vec::with_capacity(events.len());
    let mut heading: Option<(usize, String)> = None;
    let (mut is_title, mut pre, mut tables) = (false, 0_usize, 0_usize);
    for event in events {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level as usize == 1 => is_title = true,
            Event::End(TagEnd::Heading(level)) if level as usize == 1 => is_title = false,
            _ if is_title => {}
            Event::Start(Tag::Heading { .. }) => {
                heading = Some((dressed.len(), String::new()));
                dressed.push(event);
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((at, text)) = heading.take() {
                    name(&mut dressed, at, &slug(&text));
                }
                dressed.push(event);
            }
            Event::Start(Tag::Table(_)) => {
                tables += 1;
                let region = "<div class=\"scroll\" role=\"region\" tabindex=\"0\"";
                let region = format!("{region} aria-label=\"Table {tables}\">\n");
                dressed.extend([Event::Html(region.into()), event]);
            }
            Event::End(TagEnd::Table) => dressed.extend([event, Event::Html("</div>\n".into())]),
            Event::Start(Tag::CodeBlock(_)) => {
                pre += 1;
                let open = "<div class=\"copy\"><header><button class=\"quiet\" type=\"button\" \
                            data-copy=\"block-";
                let rest = format!(
                    "{open}{pre}\">Copy</button></header><pre id=\"block-{pre}\" tabindex=\"0\">"
                );
                dressed.push(Event::Html(rest.into()));
            }
            Event::End(TagEnd::CodeBlock) => dressed.push(Event::Html("</pre></div>\n".into())),
            Event::Text(text) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&text);
                }
                dressed.push(Event::Text(text));
            }
            Event::Code(code) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&code);
                }
                dressed.push(Event::Code(code));
            }
            other => dressed.push(other),
        }
    }
    dressed
}

/// Gives the heading that begins there its name.
fn name(events: &mut [Event<'_>], at: usize, slug: &str) {
    if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(at) {
        *id = Some(slug.to_owned().into());
    }
}

/// `codex --remote` is `codex-remote`.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}
