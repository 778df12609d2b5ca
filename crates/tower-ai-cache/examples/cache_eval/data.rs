//! The data sets, and the vectors of their texts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tower_ai_cache::minilm::MiniLm;
use tower_ai_core::Chance;

use crate::Result;

/// The numbers of a vector of all-MiniLM-L6-v2.
const WIDTH: usize = 384;

pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) label: String,
}

pub(crate) struct Pair {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) same: bool,
}

pub(crate) fn banking77(dir: &Path) -> Result<Vec<Query>> {
    let mut queries = labelled(&dir.join("train.csv"))?;
    queries.extend(labelled(&dir.join("test.csv"))?);
    Ok(shuffled(queries))
}

/// Any texts with labels: a line of headings, then `text,label`.
pub(crate) fn stream(file: &Path) -> Result<Vec<Query>> {
    Ok(shuffled(labelled(file)?))
}

fn labelled(file: &Path) -> Result<Vec<Query>> {
    let rows = csv(&read(file)?).into_iter().skip(1);
    let query = |row| match <[String; 2]>::try_from(row) {
        Ok([text, label]) => Some(Query { text, label }),
        Err(_) => None,
    };
    Ok(rows.filter_map(query).collect())
}

/// A query out of scope is like no other: each has a label of its own.
pub(crate) fn clinc150(dir: &Path) -> Result<Vec<Query>> {
    let parts: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&read(&dir.join("data_full.json"))?)?;
    let mut queries = Vec::new();
    for rows in parts.values() {
        let rows: Vec<(String, String)> = serde_json::from_value(rows.clone())?;
        queries.extend(rows.into_iter().map(|(text, label)| Query {
            label: if label == "oos" {
                format!("oos: {text}")
            } else {
                label
            },
            text,
        }));
    }
    Ok(shuffled(queries))
}

pub(crate) fn pairs(file: &Path) -> Result<Vec<Pair>> {
    let lines = read(file)?;
    let pair = |line: &str| {
        let mut columns = line.split('\t');
        Some(Pair {
            a: columns.next()?.to_owned(),
            b: columns.next()?.to_owned(),
            same: columns.next()?.trim() == "1",
        })
    };
    Ok(lines.lines().filter_map(pair).collect())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{} is not there", file.display()).into(),
        _ => error.into(),
    })
}

/// The same order in every run.
fn shuffled(mut queries: Vec<Query>) -> Vec<Query> {
    let chance = Chance::seeded(77);
    for i in (1..queries.len()).rev() {
        queries.swap(i, chance.below(i + 1));
    }
    queries
}

/// Rows of comma-separated fields, quoted where they hold commas or lines.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' => {}
            sign => field.push(sign),
        }
    }
    rows
}

/// Makes the vectors of texts, and keeps them in a folder if there is one.
pub(crate) struct Vectors {
    model: MiniLm,
    folder: Option<PathBuf>,
}

impl Vectors {
    pub(crate) const fn new(model: MiniLm, folder: Option<PathBuf>) -> Self {
        Self { model, folder }
    }

    pub(crate) fn of<'a>(
        &self,
        name: &str,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Vec<f32>>> {
        let texts: Vec<_> = texts.collect();
        // The name tells the texts: other texts have other files.
        let hash = texts
            .iter()
            .flat_map(|text| text.bytes())
            .fold(7_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let file = self
            .folder
            .as_ref()
            .map(|dir| dir.join(format!("{name}-{hash:x}.f32")));
        if let Some(bytes) = file.as_ref().and_then(|file| fs::read(file).ok()) {
            let (numbers, _) = bytes.as_chunks::<4>();
            let numbers: Vec<_> = numbers
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            return Ok(numbers.chunks(WIDTH).map(<[f32]>::to_vec).collect());
        }
        eprintln!("{name}: {} texts to embed", texts.len());
        let vectors = self.embed(&texts)?;
        if let Some(file) = file {
            let numbers = vectors
                .iter()
                .flatten()
                .flat_map(|number| number.to_le_bytes());
            fs::write(file, numbers.collect::<Vec<_>>())?;
        }
        Ok(vectors)
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let threads = std::thread::available_parallelism()?.get();
        let part = texts.len().div_ceil(threads).max(1);
        let work = |texts: &[&str]| -> Result<Vec<_>> {
            texts.iter().map(|text| self.model.embed(text)).collect()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = texts
                .chunks(part)
                .map(|texts| scope.spawn(move || work(texts)))
                .collect();
            let mut all = Vec::with_capacity(texts.len());
            for thread in threads {
                all.extend(thread.join().map_err(|_| "the model panicked")??);
            }
            Ok(all)
        })
    }
}
