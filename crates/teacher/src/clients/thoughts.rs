//! Thoughts that a model writes into its answer, taken out of it.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The answer without its `<think>` blocks, and the thoughts in them. A block that never closes goes to the end; one
/// whose opening stood in the prompt's template begins at the start. Blocks are looked for at the start of the text
/// only, so that an answer that speaks of `<think>` stays whole.
pub(super) fn split(content: &str) -> (String, String) {
    let mut rest = content;
    let mut thoughts = Vec::new();
    while let Some(block) = rest.trim_start().strip_prefix(OPEN) {
        let (thought, after) = block.split_once(CLOSE).unwrap_or((block, ""));
        thoughts.push(thought.trim());
        rest = after;
    }
    // Without an opening: only where what stands before the closing is no JSON already.
    if thoughts.is_empty()
        && let Some((thought, after)) = rest.split_once(CLOSE)
        && !thought.trim_start().starts_with(['{', '['])
        && !thought.contains(OPEN)
    {
        thoughts.push(thought.trim());
        rest = after;
    }
    if thoughts.is_empty() {
        return (content.to_owned(), String::new());
    }
    (rest.trim_start().to_owned(), thoughts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, text: &str, thoughts: &str) {
        assert_eq!(split(content), (text.to_owned(), thoughts.to_owned()), "{content:?}");
    }

    #[test]
    fn thoughts_are_kept_apart_from_the_answer() {
        check("<think>hm</think>{\"a\":1}", "{\"a\":1}", "hm");
        check("\n<think>\na\n</think>\n<think>b</think>\nyes", "yes", "a\n\nb");
        check("hm, so</think>\n\n[2] > [1]", "[2] > [1]", "hm, so");
    }

    #[test]
    fn an_unclosed_thought_leaves_an_empty_answer() {
        check("<think>and then", "", "and then");
    }

    #[test]
    fn an_answer_that_speaks_of_thoughts_stays_whole() {
        check("{\"direct\":\"it uses </think> tags\"}", "{\"direct\":\"it uses </think> tags\"}", "");
        check("use <think> here", "use <think> here", "");
        check("", "", "");
    }
}
