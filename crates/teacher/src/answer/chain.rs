//! Orders in plain text.

use super::fields::number_of_text;

/// The numbers of an order that stands in the text as such, in the first of these forms that is there:
/// `[2] > [1] > [3]`; a list of lines `1. [2]`, `2. [1]`, or `1. Passage 2`; nothing but numbers, `2, 1, 3`.
pub(super) fn order_of_text(text: &str) -> Vec<usize> {
    let chain = chain_of_text(text);
    if !chain.is_empty() {
        return chain;
    }
    let lines = order_of_lines(text);
    if lines.len() > 1 { lines } else { bare_numbers(text) }
}

/// The numbers of `[2] > [1] > [3]` or `2 > 1 > 3`: of all such chains the longest, of equal ones the first.
pub(super) fn chain_of_text(text: &str) -> Vec<usize> {
    let mut longest: Vec<usize> = Vec::new();
    for line in text.lines() {
        let mut chain: Vec<usize> = Vec::new();
        let n_links = line.split('>').count();
        for (index, link) in line.split('>').enumerate() {
            // Prose may stand before the first link and after the last.
            let link = match index {
                0 => link.split_whitespace().next_back().unwrap_or_default(),
                _ if index + 1 == n_links => link.split_whitespace().next().unwrap_or_default(),
                _ => link,
            };
            let bare = link.trim_matches(|c: char| c.is_whitespace() || "[]().,;\"'`*".contains(c));
            if let Some(number) = number_of_text(bare) {
                chain.push(number);
            } else {
                if chain.len() > longest.len() {
                    longest.clone_from(&chain);
                }
                chain.clear();
            }
        }
        if chain.len() > longest.len() {
            longest = chain;
        }
    }
    if longest.len() > 1 { longest } else { Vec::new() }
}

/// Lines that count up from 1, each naming a passage in brackets or by that word.
fn order_of_lines(text: &str) -> Vec<usize> {
    let mut order = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*-#".contains(c));
        let n_digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (rank, rest) = line.split_at(n_digits);
        if rank.parse() != Ok(order.len() + 1) {
            continue;
        }
        let Some(rest) = rest.strip_prefix(['.', ')', ':']) else { continue };
        let named = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '*');
        let bare = match named.get(.."passage".len()) {
            Some(word) if word.eq_ignore_ascii_case("passage") => &named["passage".len()..],
            _ if named.starts_with('[') => named,
            _ => continue,
        };
        let bare = bare.trim_start_matches(|c: char| c.is_whitespace() || "[#".contains(c));
        let n_digits = bare.bytes().take_while(u8::is_ascii_digit).count();
        order.extend(bare[..n_digits].parse::<usize>().ok());
    }
    order
}

/// The numbers of a text that holds nothing else.
fn bare_numbers(text: &str) -> Vec<usize> {
    let is_between = |c: char| c.is_whitespace() || ",;[]()".contains(c);
    let mut numbers = Vec::new();
    for piece in text.split(is_between).filter(|piece| !piece.is_empty()) {
        let Ok(number) = piece.parse() else { return Vec::new() };
        numbers.push(number);
    }
    if numbers.len() > 1 { numbers } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_found_in_plain_text() {
        let check = |text: &str, expected: &[usize]| assert_eq!(order_of_text(text), expected, "{text}");
        check("So: [2] > [1] > [3], I think", &[2, 1, 3]);
        check("Ranking:\n1. **Passage 2** names it\n2) [3]\n\n3: passage [1]", &[2, 3, 1]);
        check("2, 1, 3\n", &[2, 1, 3]);
        check("Passages [1] and [3] are about oaks.", &[]);
        check("1. Oaks grow old.\n2. They die.", &[]);
        check("7", &[]);
    }
}
