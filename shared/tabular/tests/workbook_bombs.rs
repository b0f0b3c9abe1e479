//! Workbooks that are made to exhaust whoever reads them: each is refused by its name or converted, within the budget.
//!
//! What a part holds is written while it is packed; nothing here depends on a clock.
#![cfg(feature = "xlsx")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use consign_tabular::{
    Converter, Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options, Refusal, Step, Survey,
};
use peak_alloc::PeakAlloc;
use support::parts::{
    Content, FORMATS, MAIN, ONE_RELATION, ONE_SHEET, READ, RELATIONS, ROOTS, SHEET, STRINGS, rows,
    workbook,
};
use support::workbook::RELS;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time: what others take would count.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const MIB: usize = 1024 * 1024;
const PIECE_BYTES: usize = 256 * 1024;

/// Converts within the budget: the code of the refusal and its text, or `converted`.
fn burst(file: &[u8]) -> (&'static str, String) {
    burst_within(file, Limits::for_memory(MEMORY_BYTES_DEFAULT))
}

fn burst_within(file: &[u8], limits: Limits) -> (&'static str, String) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let outcome = match once(file, limits) {
        Ok(true) => Ok(()),
        Ok(false) => twice(file, limits),
        Err(refusal) => Err(refusal),
    };
    let taken = MEMORY.peak_usage() - before;
    assert!(
        taken as u64 <= MEMORY_BYTES_DEFAULT,
        "{} MiB were taken",
        taken / MIB
    );
    match outcome {
        Ok(()) => ("converted", String::new()),
        Err(refusal) => (refusal.code(), refusal.detail()),
    }
}

fn once(file: &[u8], limits: Limits) -> Result<bool, Refusal> {
    let mut pass = OnePass::new(Options::default(), limits);
    for piece in file.chunks(PIECE_BYTES) {
        if pass.push(piece)? == Step::Again {
            return Ok(false);
        }
        drop(pass.take_output());
    }
    while let Some(step) = pass.advance()? {
        if step == Step::Again {
            return Ok(false);
        }
        drop(pass.take_output());
    }
    Ok(matches!(pass.finish()?, Ended::Converted(_)))
}

fn twice(file: &[u8], limits: Limits) -> Result<(), Refusal> {
    let mut survey = Survey::new(Options::default(), limits);
    for piece in file.chunks(PIECE_BYTES) {
        survey.push(piece)?;
    }
    let mut converter = Converter::new(survey.finish()?)?;
    for piece in file.chunks(PIECE_BYTES) {
        converter.push(piece)?;
        drop(converter.take_output());
    }
    while converter.advance()? {
        drop(converter.take_output());
    }
    converter.finish().map(drop)
}

fn too_large(file: &[u8], what: &str) {
    let (code, detail) = burst(file);
    assert_eq!(code, "workbook_too_large", "{what}: {detail}");
}

#[test]
fn a_piece_of_xml_without_an_end_is_refused_in_every_part() {
    let _one = alone();
    for (begin, piece) in [
        ("<!--", "<>comment "),
        ("<?target ", "<>instruction "),
        ("<![CDATA[", "<>data "),
        ("<!DOCTYPE a [", "<!ENTITY a 'b'> "),
        ("<a b=\"", "<>attribute> "),
        ("<", "name"),
        ("", "text "),
    ] {
        for part in READ {
            let content = Content::repeated(begin, piece, (64 << 20) / piece.len(), "");
            too_large(&workbook(&[(part, content)]), &format!("{part} {begin}"));
        }
    }
}

#[test]
fn a_part_is_read_whatever_its_name_is() {
    let _one = alone();
    let bomb = || Content::repeated("<a b=\"", "attribute ", 10 << 20, "");
    for name in [
        "media/image1.png",
        "printer.bin",
        "../xl/image1.png",
        "/media/IMAGE1.Png",
    ] {
        let relation = format!(
            r#"<Relationships><Relationship Id="s1" Type="/worksheet" Target="{name}"/></Relationships>"#
        );
        let path = name
            .strip_prefix('/')
            .map_or(format!("xl/{name}"), str::to_owned);
        let path = path.to_ascii_lowercase();
        let file = workbook(&[(RELATIONS, Content::whole(&relation)), (&path, bomb())]);
        too_large(&file, name);
    }
    // The main part.
    let roots = RELS.replace("xl/workbook.xml", "xl/media/a.png");
    let file = workbook(&[
        (ROOTS, Content::whole(&roots)),
        ("xl/media/_rels/a.png.rels", Content::whole(ONE_RELATION)),
        ("xl/media/a.png", bomb()),
    ]);
    too_large(&file, "main part");
    // What nothing leads to is not read.
    let file = workbook(&[("xl/media/image1.png", bomb())]);
    assert_eq!(burst(&file).0, "converted");
}

/// The reader ends with the first list of relations, and sees no sheet in a name.
#[test]
fn parts_are_found_as_the_reader_finds_them() {
    let _one = alone();
    let bomb = || Content::repeated("<a b=\"", "attribute ", 10 << 20, "");
    let other = ONE_RELATION.replace("sheet1", "bomb");
    let relations = Content::whole(&format!("{other}{ONE_RELATION}"));
    let file = workbook(&[(RELATIONS, relations), ("xl/worksheets/bomb.xml", bomb())]);
    too_large(&file, "relations");
    let roots = Content::whole(&format!(
        "{}{RELS}",
        RELS.replace("xl/workbook.xml", "y/workbook.xml")
    ));
    let file = workbook(&[
        (ROOTS, roots),
        ("y/_rels/workbook.xml.rels", Content::whole(ONE_RELATION)),
        ("y/workbook.xml", Content::whole(ONE_SHEET)),
        ("y/styles.xml", bomb()),
    ]);
    too_large(&file, "roots");
    let main = ONE_SHEET.replace(
        "<sheets>",
        "<definedName name=\"a\"><sheet name=\"b\" r:id=\"s1\"/></definedName><sheets>",
    );
    let (code, detail) = burst(&workbook(&[(MAIN, Content::whole(&main))]));
    assert_eq!(code, "bad_workbook", "{detail}");
    // Paths are found without regard to case, and with either slash.
    let relation = ONE_RELATION.replace("sheet1", "BOMB");
    let file = workbook(&[
        (RELATIONS, Content::whole(&relation)),
        ("xl\\worksheets\\Bomb.xml", bomb()),
    ]);
    too_large(&file, "path");
}

#[test]
fn elements_in_elements_are_refused() {
    let _one = alone();
    for part in READ {
        let content = Content::repeated("", "<a>", 20 << 20, "");
        let (code, detail) = burst(&workbook(&[(part, content)]));
        assert_eq!(code, "bad_workbook", "{part}: {detail}");
    }
}

#[test]
fn texts_that_take_more_than_they_seem_to_are_refused() {
    let _one = alone();
    let many = |piece: &str| {
        let times = (200 << 20) / piece.len();
        workbook(&[(STRINGS, Content::repeated("<sst>", piece, times, "</sst>"))])
    };
    for piece in ["<si/>", "<si><t>x</t></si>", "<si><t>&#65;</t></si>"] {
        too_large(&many(piece), piece);
    }
    // Runs of one text, of many, and beside a text.
    let runs = "<r><t>run</t></r>";
    let one = Content::repeated("<sst><si>", runs, 10 << 20, "</si></sst>");
    too_large(&workbook(&[(STRINGS, one)]), "one text of runs");
    too_large(&many(&format!("<si>{}</si>", runs.repeat(1000))), "runs");
    let letters = format!("<si><t>{0}</t><t>{0}</t></si>", "x".repeat(100_000));
    too_large(&many(&letters), "letters");
    let hidden = Content::repeated("<sst><si><t>a", "<b/>", 20 << 20, "</t></si></sst>");
    too_large(&workbook(&[(STRINGS, hidden)]), "elements in a text");
    let sheet = Content::repeated(
        "<worksheet><sheetData><row><c t=\"inlineStr\"><is>",
        runs,
        10 << 20,
        "",
    );
    too_large(&workbook(&[(SHEET, sheet)]), "a cell of runs");
}

#[test]
fn formats_that_take_more_than_they_seem_to_are_refused() {
    let _one = alone();
    let styles = |first: &str, piece: &str| {
        let content = Content::repeated(
            &format!("<styleSheet>{first}"),
            piece,
            (100 << 20) / piece.len(),
            "",
        );
        workbook(&[(FORMATS, content)])
    };
    let code = "0".repeat(30_000);
    let format =
        format!("<numFmts><numFmt numFmtId=\"164\" formatCode=\"{code}\"/></numFmts><cellXfs>");
    let font = format!("<fonts><font><name val=\"{code}\"/></font></fonts><cellXfs>");
    for (first, piece) in [
        ("<cellXfs>", "<xf/>"),
        (format.as_str(), "<xf numFmtId=\"164\"/>"),
        (font.as_str(), "<xf fontId=\"0\"/>"),
        ("<fonts>", "<font/>"),
        ("<fills>", "<fill/>"),
        ("<borders>", "<border/>"),
        ("<fonts>", "<font><name val=\"a name\"/></font>"),
    ] {
        too_large(&styles(first, piece), first.get(..20).unwrap_or(first));
    }
    let formats: String = (0..400_000)
        .map(|id| format!("<numFmt numFmtId=\"{id}\" formatCode=\"0\"/>"))
        .collect();
    too_large(
        &styles(&format!("<numFmts>{formats}</numFmts>"), "<a/>"),
        "formats",
    );
}

#[test]
fn sheets_names_and_relations_without_end_are_refused() {
    let _one = alone();
    let sheets: String = (0..600_000)
        .map(|at| format!("<sheet name=\"{at}\" r:id=\"s1\"/>"))
        .collect();
    let main = format!("<workbook><sheets>{sheets}</sheets></workbook>");
    too_large(&workbook(&[(MAIN, Content::whole(&main))]), "sheets");
    let main = format!(
        "<workbook><sheets>{}</sheets></workbook>",
        "<sheet id=\"s1\"/>".repeat(600_000)
    );
    too_large(
        &workbook(&[(MAIN, Content::whole(&main))]),
        "sheets of one name",
    );
    let names = |name: &str| {
        let main = ONE_SHEET.replace("</workbook>", "<definedNames>");
        let main = Content::repeated(
            &main,
            name,
            (100 << 20) / name.len(),
            "</definedNames></workbook>",
        );
        workbook(&[(MAIN, main)])
    };
    too_large(&names("<definedName name=\"a\"/>"), "names");
    too_large(
        &names(&format!(
            "<definedName name=\"a\">{}</definedName>",
            "A1,".repeat(100_000)
        )),
        "long names",
    );
    let (code, _) = burst(&names("<definedName name=\"a\">A1<!-- A1 --><a/>"));
    assert_eq!(code, "bad_workbook");
    let relations: String = (0..600_000)
        .map(|at| format!("<Relationship Id=\"r{at}\"/>"))
        .collect();
    let relations = ONE_RELATION.replace("</", &format!("{relations}</"));
    too_large(
        &workbook(&[(RELATIONS, Content::whole(&relations))]),
        "relations",
    );
    // One long path that many sheets have.
    let relation = ONE_RELATION.replace("worksheets", &"w".repeat(30_000));
    let sheets: String = (0..10_000)
        .map(|at| format!("<sheet name=\"{at}\" r:id=\"s1\"/>"))
        .collect();
    let main = format!("<workbook>{sheets}</workbook>");
    too_large(
        &workbook(&[
            (MAIN, Content::whole(&main)),
            (RELATIONS, Content::whole(&relation)),
        ]),
        "long paths",
    );
}

#[test]
fn sheets_without_a_value_are_not_read_without_end() {
    let _one = alone();
    let sheets: String = (0..10_000)
        .map(|at| format!("<sheet name=\"{at}\" r:id=\"s1\"/>"))
        .collect();
    let main = Content::whole(&format!("<workbook>{sheets}</workbook>"));
    let empty = |bytes: usize| {
        Content::repeated(
            "<worksheet><sheetData>",
            "<row r=\"1\"></row>",
            bytes / 17,
            "</sheetData></worksheet>",
        )
    };
    let mut limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    limits.workbook_expanded_bytes_max = 32 << 20;
    let file = workbook(&[(MAIN, main.clone()), (SHEET, empty(10 << 20))]);
    assert_eq!(burst_within(&file, limits).0, "workbook_too_large");
    assert_eq!(
        burst(&workbook(&[(MAIN, main), (SHEET, empty(17))])).0,
        "empty_file"
    );
}

#[test]
fn elements_without_end_are_refused_by_their_number() {
    let _one = alone();
    let mut limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    limits.workbook_expanded_bytes_max = 16 << 20;
    for piece in ["<a/>", "<row/>", "<c/>"] {
        let content = Content::repeated("<worksheet><sheetData>", piece, 3 << 19, "");
        let (code, detail) = burst_within(&workbook(&[(SHEET, content)]), limits);
        assert_eq!(code, "workbook_too_large", "{piece}");
        assert!(detail.contains("each element"), "{piece}: {detail}");
    }
}

#[test]
fn a_directory_that_takes_more_than_it_seems_to_is_refused() {
    let _one = alone();
    let parts = |count: usize, name_bytes: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("{at:0name_bytes$}")).collect();
        let parts: Vec<(&str, Content)> = names
            .iter()
            .map(|name| (name.as_str(), Content::whole("")))
            .collect();
        workbook(&parts)
    };
    assert_eq!(burst(&parts(50_000, 5)).0, "bad_zip");
    too_large(&parts(200, 60_000), "long names");
    assert_eq!(burst(&parts(1_000, 50)).0, "converted");
    // The end says more than there is.
    let whole = workbook(&[]);
    let end = whole
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x05\x06")
        .unwrap();
    let mut file = whole.clone();
    file[end + 8..end + 12].copy_from_slice(&[0xFF; 4]);
    assert_eq!(burst(&file).0, "bad_zip");
}

#[test]
fn a_long_text_in_many_cells_is_refused() {
    let _one = alone();
    let text = "x".repeat(30_000);
    let strings = format!("<sst><si><t>{text}</t></si></sst>");
    let cells = Content::repeated(
        "<worksheet><sheetData>",
        "<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>0</v></c></row>",
        100_000,
        "</sheetData></worksheet>",
    );
    let file = workbook(&[(STRINGS, Content::whole(&strings)), (SHEET, cells)]);
    assert_eq!(burst(&file).0, "decompressed_too_large");
}

/// Letters that do not pack well.
struct Letters(u64);

impl Letters {
    fn next(&mut self, count: usize) -> String {
        let letter = |_| {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'a' + u8::try_from(self.0 >> 59).unwrap() % 26)
        };
        (0..count).map(letter).collect()
    }
}

#[test]
fn the_largest_tables_of_texts_are_read_within_the_budget() {
    let _one = alone();
    let mut letters = Letters(1);
    let texts = 90_000;
    let strings: String = (0..texts)
        .map(|_| format!("<si><t>{}</t></si>", letters.next(60)))
        .collect();
    let strings = Content::whole(&format!("<sst uniqueCount=\"{texts}\">{strings}</sst>"));
    let sheet = rows(texts, |row| {
        format!(
            "<c t=\"s\"><v>{row}</v></c><c><v>{}</v></c>",
            row * 7919 % 10_007
        )
    });
    let (code, detail) = burst(&workbook(&[(STRINGS, strings), (SHEET, sheet)]));
    assert_eq!(code, "converted", "{detail}");
}

#[test]
fn long_cells_are_read_within_the_budget() {
    let _one = alone();
    let mut letters = Letters(2);
    // As many cells in a row, of so many letters.
    for (cells, length) in [(60, 30_000), (1, 1_000_000)] {
        let strings: String = (0..3_000_000 / length)
            .map(|_| format!("<si><t>{}</t></si>", letters.next(length)))
            .collect();
        let strings = Content::whole(&format!("<sst>{strings}</sst>"));
        let texts = 3_000_000 / length;
        let sheet = rows(60_000_000 / cells / length, |row| {
            let cell = |at| format!("<c t=\"s\"><v>{}</v></c>", (row + at) % texts);
            (0..cells).map(cell).collect()
        });
        let (code, detail) = burst(&workbook(&[(STRINGS, strings), (SHEET, sheet)]));
        assert_eq!(code, "converted", "{detail}");
    }
}

#[test]
fn wide_sheets_are_read_within_the_budget_or_refused() {
    let _one = alone();
    let mut letters = Letters(3);
    let sheet = rows(150, |row| {
        let cell = |at: usize| match at % 3 {
            0 => format!("<c><v>{}</v></c>", row * at),
            1 => format!("<c><v>{}.{}</v></c>", row * at, at % 100),
            _ => format!("<c t=\"str\"><v>{}</v></c>", letters.next(8)),
        };
        (0..10_000).map(cell).collect()
    });
    let (code, detail) = burst(&workbook(&[(SHEET, sheet)]));
    assert!(
        matches!(code, "converted" | "too_large_for_memory"),
        "{detail}"
    );
}

#[test]
fn large_files_of_numbers_are_read_within_the_budget() {
    let _one = alone();
    let mut letters = Letters(4);
    let sheet = rows(250_000, |row| {
        let number = row * 7919 % 1_000_003;
        format!(
            "<c><v>{number}.{}</v></c><c t=\"str\"><v>{}</v></c><c><v>{}</v></c>",
            row % 89,
            letters.next(80),
            row * 31 % 65_537
        )
    });
    let file = workbook(&[(SHEET, sheet)]);
    let (code, detail) = burst(&file);
    assert_eq!(code, "converted", "{detail}");
}
