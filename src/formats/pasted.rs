//! Pasted: a program's own format string, cut into literal texts and names.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Program;

/// A name in a template, and the literal text before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub before: String,
    pub name: String,
}

/// Stands for a variable in a JSON template while that is parsed.
const MARK: char = '\u{10fffd}';

/// Returns the pieces of a format string or of a whole directive, and the text behind the last.
pub fn pieces(text: &str, program: Program) -> (Vec<Piece>, String) {
    let text = bare(text);
    let mut cut = Cut::default();
    let mut at = 0;
    for found in variable(program).captures_iter(&text) {
        let whole = found.get_match();
        cut.literal(&text[at..whole.start()]);
        at = whole.end();
        cut.variable(&found, program);
    }
    cut.literal(&text[at..]);
    (cut.pieces, cut.rest)
}

/// Returns whether a format string writes a JSON object.
pub fn is_json(text: &str, program: Program) -> bool {
    program != Program::Plain && bare(text).trim_start().starts_with('{')
}

/// Returns the path of keys to each variable of a JSON template.
///
/// A value that is more than one variable tells none of them.
///
/// # Errors
/// The template is no JSON object, also when its variables are taken for texts.
pub fn json_keys(text: &str, program: Program) -> Result<Vec<(Vec<String>, String)>, String> {
    let (pieces, rest) = pieces(text, program);
    let mut json = String::new();
    let mut in_string = false;
    let mut write = |json: &mut String, literal: &str| {
        let mut is_escaped = false;
        for c in literal.chars() {
            in_string ^= c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
        }
        json.push_str(literal);
        in_string
    };
    for (at, piece) in pieces.iter().enumerate() {
        let quote = if write(&mut json, &piece.before) { "" } else { "\"" };
        json.extend([quote, &format!("{MARK}{at}{MARK}"), quote]);
    }
    write(&mut json, &rest);
    let tree: serde_json::Value = serde_json::from_str(&json).map_err(|e| e.to_string())?;
    let mut keys = Vec::new();
    walk(&tree, &mut Vec::new(), &mut |path, text| {
        let number = text.strip_prefix(MARK).and_then(|text| text.strip_suffix(MARK));
        if let Some(piece) = number.and_then(|n| n.parse::<usize>().ok()).and_then(|n| pieces.get(n)) {
            keys.push((path.to_vec(), piece.name.clone()));
        }
    });
    Ok(keys)
}

fn walk(node: &serde_json::Value, path: &mut Vec<String>, take: &mut impl FnMut(&[String], &str)) {
    match node {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                path.push(key.clone());
                walk(value, path, take);
                path.pop();
            }
        }
        serde_json::Value::String(text) => take(path, text),
        _ => {}
    }
}

/// Returns the format string of a directive (`log_format main '...' '...';`), or the text itself.
fn bare(text: &str) -> String {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"^(log_format\s+\S+|LogFormat|CustomLog\s+\S+|log-format)\s+(escape=\w+\s+)?")
    });
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| regex(r#"'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)""#));
    let text = text.trim();
    let plain = |text: &str| text.replace("\\\"", "\"").replace("\\ ", " ");
    let Some(head) = HEAD.find(text) else { return text.replace("\\\"", "\"") };
    let rest = &text[head.end()..];
    let all = head.as_str().starts_with("log_format");
    let mut parts = QUOTED
        .captures_iter(rest)
        .filter_map(|found| found.get(1).or_else(|| found.get(2)).map(|part| part.as_str().to_owned()));
    let first = if rest.starts_with(['\'', '"']) { parts.next() } else { None };
    match first {
        None => plain(rest.trim_end_matches(';')),
        Some(first) if all => plain(&(first + &parts.collect::<String>())),
        Some(first) => plain(&first),
    }
}

fn regex(pattern: &str) -> Regex {
    // Each pattern is a constant, and a test reads all of them.
    #[expect(clippy::expect_used, reason = "constant patterns")]
    Regex::new(pattern).expect("a constant pattern")
}

fn variable(program: Program) -> &'static Regex {
    static NGINX: LazyLock<Regex> = LazyLock::new(|| regex(r"\$(?:\{(?P<a>\w+)\}|(?P<b>\w+))"));
    static APACHE: LazyLock<Regex> =
        LazyLock::new(|| regex(r"%[!<>\d,]*(?:\{[^}]*\})?(?:\^t[io]|[a-zA-Z])|%%"));
    static HAPROXY: LazyLock<Regex> =
        LazyLock::new(|| regex(r"%(?P<flags>\{[^}]*\})?(?:\[(?P<a>[^\]]*)\]|(?P<b>[a-zA-Z]+))|%%"));
    static ENVOY: LazyLock<Regex> = LazyLock::new(|| regex(r"%(?P<a>[A-Z0-9_]+(?:\([^)]*\))?)(?::\d+)?%|%%"));
    static API_GATEWAY: LazyLock<Regex> = LazyLock::new(|| regex(r"\$context\.(?P<a>[\w.-]*\w)"));
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| regex(r"\{(?P<a>\w+)\}"));
    match program {
        Program::Nginx => &NGINX,
        Program::Apache => &APACHE,
        Program::Haproxy => &HAPROXY,
        Program::Envoy => &ENVOY,
        Program::ApiGateway => &API_GATEWAY,
        Program::Plain => &PLAIN,
    }
}

/// A template that is being cut.
#[derive(Debug, Default)]
struct Cut {
    pieces: Vec<Piece>,
    /// Literal text behind the last name.
    rest: String,
}

impl Cut {
    fn literal(&mut self, text: &str) {
        self.rest.push_str(text);
    }

    fn name(&mut self, name: &str) {
        self.pieces.push(Piece { before: std::mem::take(&mut self.rest), name: name.to_owned() });
    }

    fn variable(&mut self, found: &Captures<'_>, program: Program) {
        let whole = found.get_match().as_str();
        if whole == "%%" {
            return self.literal("%");
        }
        let group = |name: &str| found.name(name).map(|part| part.as_str());
        match program {
            Program::Apache => self.apache(whole),
            Program::Haproxy => {
                let name = group("a").or_else(|| group("b")).unwrap_or_default();
                let is_quoted = group("flags").is_some_and(|flags| flags.contains("+Q"));
                if is_quoted {
                    self.literal("\"");
                }
                self.name(name);
                if is_quoted {
                    self.literal("\"");
                }
            }
            Program::Envoy => {
                let name = group("a").unwrap_or_default();
                self.name(if name.starts_with("START_TIME") { "START_TIME" } else { name });
            }
            Program::Nginx | Program::ApiGateway | Program::Plain => {
                let name = group("a").or_else(|| found.iter().nth(2).flatten().map(|part| part.as_str()));
                self.name(name.unwrap_or_default());
            }
        }
    }

    /// Takes a directive of Apache without its modifiers; adjacent pieces of one time are one name.
    fn apache(&mut self, whole: &str) {
        let (modifiers, rest) =
            match whole[1..].find(|c: char| c == '{' || c == '^' || c.is_ascii_alphabetic()) {
                Some(at) => whole[1..].split_at(at),
                None => ("", &whole[1..]),
            };
        // `<` and `>` tell two values apart; conditions on the status do not.
        let sign = modifiers.chars().find(|c| matches!(c, '<' | '>'));
        let name = format!("%{}{rest}", sign.map(String::from).unwrap_or_default());
        if !name.ends_with('t') || name.ends_with("^t") {
            return self.name(&name);
        }
        let which = if name.starts_with("%{end") { "end" } else { "begin" };
        let goes_on = self.rest.len() < 2 && self.pieces.last().is_some_and(|piece| piece.name == which);
        if name == "%t" {
            self.literal("[");
            self.name(which);
            self.literal("]");
        } else if goes_on {
            self.rest.clear();
        } else {
            self.name(which);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, program: Program) -> String {
        let (pieces, rest) = pieces(text, program);
        let parts: String = pieces.iter().map(|piece| format!("{}<{}>", piece.before, piece.name)).collect();
        parts + &rest
    }

    #[test]
    fn each_program_writes_its_variables_in_its_own_way() {
        use Program::{Apache, ApiGateway, Envoy, Haproxy, Nginx, Plain};
        for (text, program, want) in [
            ("${a}b $c_d [$e]", Nginx, "<a>b <c_d> [<e>]"),
            (
                r#"%h %t \"%r\" %>s %{User-Agent}i %400,501{X}i 100%%"#,
                Apache,
                r#"<%h> [<begin>] "<%r>" <%>s> <%{User-Agent}i> <%{X}i> 100%"#,
            ),
            ("[%{begin:%Y}t.%{begin:usec_frac}t] %{end:msec}t %D", Apache, "[<begin>] <end> <%D>"),
            (
                "%ci:%cp [%tr] %{+Q}r %[capture.req.hdr(0)]",
                Haproxy,
                r#"<ci>:<cp> [<tr>] "<r>" <capture.req.hdr(0)>"#,
            ),
            (
                "[%START_TIME(%s)%] %REQ(:PATH):20% %PROTOCOL%",
                Envoy,
                "[<START_TIME>] <REQ(:PATH)> <PROTOCOL>",
            ),
            ("$context.requestId $context.error.message.", ApiGateway, "<requestId> <error.message>."),
            ("{a} - {b}", Plain, "<a> - <b>"),
        ] {
            assert_eq!(shown(text, program), want);
        }
    }

    #[test]
    fn whole_directives_may_be_pasted() {
        let nginx = "log_format main escape=json '$a \"$b\" '\n   '$c';";
        assert_eq!(shown(nginx, Program::Nginx), "<a> \"<b>\" <c>");
        assert_eq!(shown(r#"LogFormat "%h \"%r\"" combined"#, Program::Apache), "<%h> \"<%r>\"");
        assert_eq!(shown(r"log-format %ci:%cp\ %ST", Program::Haproxy), "<ci>:<cp> <ST>");
        assert_eq!(shown(r#"log-format "%ci %ST""#, Program::Haproxy), "<ci> <ST>");
    }

    #[test]
    fn keys_of_json_templates_are_tied_to_variables() {
        let text = r#"log_format j escape=json '{"t":$msec,"h":{"s":"$status"},' '"r":"$a $b","x":1}';"#;
        assert!(is_json(text, Program::Nginx));
        let keys = json_keys(text, Program::Nginx).unwrap();
        let shown: Vec<String> =
            keys.iter().map(|(path, name)| format!("{} {name}", path.join("."))).collect();
        assert_eq!(shown, ["t msec", "h.s status"]);
        assert!(json_keys("{$a", Program::Nginx).is_err());
    }
}
