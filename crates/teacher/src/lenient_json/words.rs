//! Words inside lenient JSON: where a text ends, what a backslash means, which name stands here.

/// Whether a quote ends a text, told from what follows it. A quote inside the text is usually followed by words.
pub(super) fn ends_text(after: &str, quote: u8) -> bool {
    let rest = after.trim_start();
    let space = &after[..after.len() - rest.len()];
    match rest.as_bytes().first() {
        None | Some(b'}' | b']') => true,
        Some(b',') => begins_item(rest[1..].trim_start()),
        // A forgotten comma: the next key or item stands on a line of its own.
        Some(&next) if next == quote || next == b'{' => space.contains('\n'),
        Some(b'/') => rest.starts_with("//") || rest.starts_with("/*"),
        Some(_) => false,
    }
}

/// Whether a key, a value, or the end of what holds it begins here.
fn begins_item(rest: &str) -> bool {
    match rest.as_bytes().first() {
        None | Some(b'"' | b'\'' | b'{' | b'[' | b'}' | b']' | b'-' | b'0'..=b'9' | b'/') => true,
        Some(_) => {
            let name = word(rest);
            let is_key = !name.is_empty() && rest[name.len()..].trim_start().starts_with(':');
            is_key || ["null", "true", "false", "None", "True", "False"].contains(&name)
        }
    }
}

/// The name that stands at the beginning; at most 40 bytes of it.
pub(super) fn word(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = text.bytes().take(40).take_while(is_part).count();
    &text[..length]
}

/// The character that a backslash stands before, and how many bytes it takes; `None` where the text ends.
pub(super) fn escape(rest: &str) -> Option<(char, usize)> {
    let first = rest.chars().next()?;
    let simple = match first {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return Some(unicode_escape(rest)),
        // `\"`, `\\`, `\/`, and what should not have been escaped.
        other => other,
    };
    Some((simple, first.len_utf8()))
}

/// `uXXXX`, or two of them for a character beyond the first plane.
fn unicode_escape(rest: &str) -> (char, usize) {
    let unit = |rest: &str| {
        let digits = rest.strip_prefix('u')?.get(..4)?;
        u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    let Some(first) = unit(rest) else { return ('u', 1) };
    let second = rest[5..].strip_prefix('\\').and_then(unit);
    if let (Some(second @ 0xdc00..=0xdfff), 0xd800..=0xdbff) = (second, first) {
        let pair = char::decode_utf16([first, second]).next().and_then(Result::ok);
        return (pair.unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}
