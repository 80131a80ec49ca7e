//! What `gate fmt` writes.

use super::format;
use super::tests::SAMPLES;

#[track_caller]
fn becomes(text: &str, wanted: &str) {
    let printed = format(text).unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(printed, wanted);
    assert_eq!(format(&printed).unwrap(), wanted, "printing again changes nothing");
}

#[test]
fn every_sample_is_formatted_already() {
    for (_, text) in SAMPLES {
        becomes(text, text);
    }
}

#[test]
fn indentation_and_spaces_are_made_right() {
    becomes("\u{FEFF}a   b{\r\n c  d ;\n\n\n\n   e\t;f\n\n}\n\n\n\ng", "a b {\n  c d\n\n  e; f\n\n}\n\ng\n");
    becomes("x{a ;b}", "x { a; b }\n");
    becomes("x{a;b;};y;;z", "x { a; b }; y; z\n");
    becomes("x {  }\ny {\n}", "x {}\ny {\n}\n");
    becomes(
        "a->b\nlet x:int=5\nrequire a==b??c\nlet y : set<str>=[ 1,2 , 3 , ]",
        "a -> b\nlet x: int = 5\nrequire a == b ?? c\nlet y: set<str> = [1, 2, 3,]\n",
    );
    becomes("r GET,POST /a{x}{ y }\ns 95%  u,  5% v", "r GET,POST /a{x} { y }\ns 95% u, 5% v\n");
    becomes("use f( a=1 , b : int=2 )\nby ( x )\ncall f (x)", "use f(a = 1, b: int = 2)\nby (x)\ncall f (x)\n");
    becomes("", "");
    becomes("\n\n", "");
}

#[test]
fn comments_stay_where_they_are() {
    becomes(
        "# top\n\n\na{# one\n#two\nb   # three\n  # four\n}# five\n   # end",
        "# top\n\na { # one\n  #two\n  b # three\n  # four\n} # five\n# end\n",
    );
    becomes("a; # b", "a # b\n");
    becomes("a [ # x\n1, # y\n# z\n2\n]", "a [ # x\n  1, # y\n  # z\n  2\n]\n");
    becomes("a {\n\n\nb\n}\n\n\n", "a {\n\n  b\n}\n\n");
}

#[test]
fn lists_over_lines_keep_their_lines() {
    becomes(
        "x {\na [\n1,\n\n\n   2, 3\n]\nb f([\n1\n])\nc a or\nb,\nd\n}",
        "x {\n  a [\n    1,\n\n    2, 3\n  ]\n  b f([\n    1\n  ])\n  c a or\n    b,\n    d\n}\n",
    );
    becomes("x { a [\n1] }", "x {\n  a [\n    1]\n}\n");
}

#[test]
fn literals_are_never_touched() {
    let text = "a \"  x  ${ b }\\n\" \"\"\"\n   raw   \n\t$${x}\"\"\" re\"a  \\\" b\" 5_000 0.5% /a//b http://x/{a:re\"  \"}\n";
    becomes(text, text);
}

#[test]
fn a_text_with_faults_is_not_printed() {
    assert!(format("a {").is_err());
    assert!(format("a \"").is_err());
}
