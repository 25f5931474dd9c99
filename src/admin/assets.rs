//! The pages that people see: the dashboard at `/`, the loop at `/loop`, and what they are made of under `/assets/`.
//!
//! All of it is in the binary as it lies in `web/`, without a build step, and nothing is fetched from anywhere else: the
//! fields below have a browser refuse it. The pages hold no data, so whoever may reach the address may have them; what
//! they show they ask for under `/api/`, as anybody would. The charts are drawn by uPlot, the only thing here that is not
//! ours; its licence lies beside it.

use super::Page;
use crate::http::Status;

/// A file: what it is called under `/assets/`, what it is, and its bytes.
struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $kind:ident) => {
        Asset { name: $name, kind: $kind, body: include_bytes!(concat!("web/", $name)) }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

const DASHBOARD: Asset = asset!("index.html", HTML);
const LOOP: Asset = asset!("loop.html", HTML);

const ASSETS: [Asset; 19] = [
    asset!("backends.js", SCRIPT),
    asset!("charts.js", SCRIPT),
    asset!("common.js", SCRIPT),
    asset!("dashboard.js", SCRIPT),
    asset!("demo.js", SCRIPT),
    asset!("detail.js", SCRIPT),
    asset!("icon.svg", PICTURE),
    asset!("loop.js", SCRIPT),
    asset!("measure.js", SCRIPT),
    asset!("numbers.js", SCRIPT),
    asset!("requests.js", SCRIPT),
    asset!("slab.js", SCRIPT),
    asset!("strip.js", SCRIPT),
    asset!("style.css", STYLE),
    asset!("theme.js", SCRIPT),
    asset!("uPlot.LICENSE.txt", TEXT),
    asset!("uPlot.iife.min.js", SCRIPT),
    asset!("uPlot.min.css", STYLE),
    asset!("words.js", SCRIPT),
];

/// Nothing from elsewhere, nothing inline, in no frame, no text taken for markup; and another version of the binary is seen at once.
const FIELDS: &str = "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cache-Control: no-cache\r\n";

/// Whether a path leads here, whether or not there is something.
pub(super) fn is_ours(path: &[u8]) -> bool {
    matches!(path, b"/" | b"/loop") || path.starts_with(b"/assets/")
}

/// What is there.
pub(super) fn page(path: &[u8]) -> Page {
    let found = match path {
        b"/" => Some(&DASHBOARD),
        b"/loop" => Some(&LOOP),
        _ => path.strip_prefix(b"/assets/").and_then(|name| ASSETS.iter().find(|it| it.name.as_bytes() == name)),
    };
    match found {
        Some(it) => Page { status: Status(200), content_type: it.kind, body: it.body.to_vec(), extra: FIELDS },
        None => Page::text(Status(404), "no page has such a part\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn all() -> impl Iterator<Item = &'static Asset> {
        [&DASHBOARD, &LOOP].into_iter().chain(&ASSETS)
    }

    fn is_foreign(it: &Asset) -> bool {
        it.name.starts_with("uPlot.")
    }

    fn text(it: &Asset) -> &str {
        str::from_utf8(it.body).expect(it.name)
    }

    /// What stands between `/assets/` and a quote, everywhere in what is ours.
    fn named() -> BTreeSet<&'static str> {
        let after = |it: &'static Asset| text(it).split("/assets/").skip(1);
        let name = |rest: &'static str| rest.split('"').next().expect("some text");
        all().filter(|it| !is_foreign(it)).flat_map(after).map(name).collect()
    }

    #[test]
    fn every_file_is_served_and_every_part_that_is_named_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/web");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
            .collect();
        assert_eq!(files, all().map(|it| it.name.to_string()).collect());
        assert_eq!(named(), ASSETS.iter().map(|it| it.name).collect());
    }

    #[test]
    fn nothing_is_asked_of_anybody_else_and_nothing_is_inline() {
        for it in all().filter(|it| !is_foreign(it)) {
            let text = text(it).replace("http://www.w3.org/2000/svg", ""); // a name, not an address
            for word in
                ["http://", "https://", "//cdn", " style=\"", "<style", "onclick=", "url(", "innerHTML", "eval("]
            {
                assert!(!text.contains(word), "{}: {word}", it.name);
            }
            assert_eq!(text.matches("<script").count(), text.matches("\"></script>").count(), "{}", it.name);
        }
    }

    #[test]
    fn each_has_its_media_type_and_the_fields_that_keep_it_apart() {
        for (path, kind) in [("/", HTML), ("/loop", HTML), ("/assets/style.css", STYLE), ("/assets/loop.js", SCRIPT)] {
            assert!(is_ours(path.as_bytes()));
            let page = page(path.as_bytes());
            assert_eq!((page.status, page.content_type), (Status(200), kind), "{path}");
            assert!(!page.body.is_empty() && page.extra.lines().all(|line| line.contains(": ")), "{path}");
            assert!(page.extra.ends_with("\r\n") && !page.extra.ends_with("\r\n\r\n"), "{path}");
        }
        for path in ["/assets/", "/assets/nothing", "/assets/index.html", "/assets/../mod.rs", "/assets/style.css/"] {
            assert!(is_ours(path.as_bytes()), "{path}");
            assert_eq!(page(path.as_bytes()).status, Status(404), "{path}");
        }
        for path in ["", "//", "/loop/", "/asset", "/assets", "/api/state"] {
            assert!(!is_ours(path.as_bytes()), "{path}");
        }
    }
}
