//! Splits Rust source into words and symbols, without comments.

/// A word, `::`, a single sign, or a string literal, raw or not (its text after one `"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// The tokens of a source text, without comments, lifetimes and characters.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut index, mut line) = (0, 1);
    while index < chars.len() {
        let start = index;
        let mut text = None;
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < chars.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => index = block_comment_end(&chars, index),
            '"' => {
                index = string_end(&chars, index);
                text = Some(chars[start..index - 1].iter().collect());
            }
            '\'' if at(index + 1) == '\\' => {
                index += 3;
                while index < chars.len() && at(index) != '\'' {
                    index += 1;
                }
                index += 1;
            }
            '\'' if at(index + 2) == '\'' => index += 3,
            // A lifetime.
            '\'' => {
                index += 1;
                while is_word_char(at(index)) {
                    index += 1;
                }
            }
            first if is_word_char(first) => {
                while is_word_char(at(index)) {
                    index += 1;
                }
                let word: String = chars[start..index].iter().collect();
                let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
                if is_raw && let Some(end) = raw_string_end(&chars, index) {
                    let marks = chars[index..].iter().take_while(|&&c| c == '#').count();
                    let inner = chars[index + marks..end.saturating_sub(1 + marks)].iter();
                    text = Some(inner.collect());
                    index = end;
                } else if is_raw && at(index) == '#' {
                    // A raw identifier: `r#type`.
                    index += 1;
                } else if !matches!(word.as_str(), "b" | "c") || at(index) != '"' {
                    text = Some(word);
                }
            }
            ':' if at(index + 1) == ':' => {
                index += 2;
                text = Some("::".to_owned());
            }
            sign => {
                index += 1;
                text = (!sign.is_whitespace()).then(|| sign.to_string());
            }
        }
        if let Some(text) = text {
            tokens.push(Token { text, line });
        }
        index = index.min(chars.len());
        line += chars[start..index].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of the comment that starts here; comments nest.
fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut index, mut depth) = (start, 0);
    while index < chars.len() {
        let pair = (chars[index], chars.get(index + 1).copied().unwrap_or('\0'));
        match pair {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            break;
        }
    }
    index
}

/// The end of the string that starts here.
fn string_end(chars: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while index < chars.len() && chars[index] != '"' {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// The end of the raw string whose marks `#` or `"` start here; `None` if it is not a raw string.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let marks = chars[start..].iter().take_while(|&&c| c == '#').count();
    if chars.get(start + marks) != Some(&'"') {
        return None;
    }
    let mut index = start + marks + 1;
    while index < chars.len() {
        let closes = chars[index] == '"'
            && chars[index + 1..]
                .iter()
                .take(marks)
                .filter(|&&c| c == '#')
                .count()
                == marks;
        if closes {
            return Some(index + 1 + marks);
        }
        index += 1;
    }
    Some(index)
}

#[test]
fn comments_and_literals_are_no_code() {
    let source = "use a::b; // crate::x\n/* unsafe /* crate::y */ */ let c = '\"';\n\
                  let s = \"unsafe\\\" crate::z\"; f::<'static>(r#\"un\"safe\"#, b\"q\", r#type, '\\'');";
    let found: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
    let expected = "use a :: b ; let c = ; let s = \"unsafe\\\" crate::z ; f :: < > ( \"un\"safe , \"q , type , ) ;";
    assert_eq!(found.join(" "), expected);
    assert_eq!(
        tokens("\n\"\n\"\nx").last().map(|token| token.line),
        Some(4)
    );
}
