//! A block of rows: codes to scan, vectors to compare, entries to name.

use super::scan::{distances, dot, encode, words};
use super::{Candidate, Indexed};

/// The rows of a full block: its copy is the longest that a reader ever waits for.
pub(super) const ROWS: usize = 1024;

/// How many rows are compared by their vectors.
const SHORT_LIST: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Block {
    codes: Vec<u64>,
    vectors: Vec<f32>,
    entries: Vec<Indexed>,
}

/// One row, out of its block.
pub(super) struct Row {
    pub(super) entry: Indexed,
    vector: Vec<f32>,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn push(&mut self, entry: Indexed, vector: &[f32]) {
        encode(vector, &mut self.codes);
        self.vectors.extend_from_slice(vector);
        self.entries.push(entry);
    }

    pub(super) fn pop(&mut self) -> Option<Row> {
        let (width, length) = self.sizes();
        let entry = self.entries.pop()?;
        let vector = self.vectors.split_off(self.vectors.len() - width);
        self.codes.truncate(self.codes.len() - length);
        Some(Row { entry, vector })
    }

    /// Puts a row where another one was.
    pub(super) fn replace(&mut self, at: usize, row: &Row) {
        let (width, length) = self.sizes();
        let mut code = Vec::with_capacity(length);
        encode(&row.vector, &mut code);
        self.codes[at * length..][..length].copy_from_slice(&code);
        self.vectors[at * width..][..width].copy_from_slice(&row.vector);
        self.entries[at] = row.entry;
    }

    /// The numbers of a vector and the words of a code.
    fn sizes(&self) -> (usize, usize) {
        let width = self.vectors.len() / self.entries.len().max(1);
        (width, words(width))
    }
}

/// The rows with the nearest codes seen so far.
pub(super) struct ShortList {
    rows: Vec<Listed>,
    limit: u32,
}

#[derive(Clone, Copy)]
struct Listed {
    distance: u32,
    block: u32,
    row: u32,
    id: u64,
}

impl ShortList {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::with_capacity(2 * SHORT_LIST),
            limit: u32::MAX,
        }
    }

    /// Scans the codes of a block.
    pub(super) fn scan(&mut self, number: usize, block: &Block, query: &[u64]) {
        let mut buffer = [0; ROWS];
        let found = &mut buffer[..block.len().min(ROWS)];
        distances(&block.codes, query, found);
        for (row, distance) in found.iter().enumerate() {
            if *distance < self.limit {
                #[expect(clippy::cast_possible_truncation, reason = "blocks of 1024 rows")]
                self.add(Listed {
                    distance: *distance,
                    block: number as u32,
                    row: row as u32,
                    id: block.entries[row].id,
                });
            }
        }
    }

    fn add(&mut self, listed: Listed) {
        self.rows.push(listed);
        if self.rows.len() == 2 * SHORT_LIST {
            self.rows
                .select_nth_unstable_by_key(SHORT_LIST - 1, |listed| listed.distance);
            self.rows.truncate(SHORT_LIST);
            self.limit = self.rows[SHORT_LIST - 1].distance;
        }
    }

    /// The numbers of the blocks that have rows on the list, each with its rows.
    pub(super) fn by_block(&mut self) -> impl Iterator<Item = (usize, Rows<'_>)> {
        if self.rows.len() > SHORT_LIST {
            self.rows
                .select_nth_unstable_by_key(SHORT_LIST - 1, |listed| listed.distance);
            self.rows.truncate(SHORT_LIST);
        }
        self.rows
            .sort_unstable_by_key(|listed| (listed.block, listed.row));
        self.rows
            .chunk_by(|a, b| a.block == b.block)
            .map(|rows| (rows[0].block as usize, Rows(rows)))
    }
}

/// The rows of one block that are on the short list.
pub(super) struct Rows<'a>(&'a [Listed]);

impl Rows<'_> {
    /// Compares them by their vectors. A row that another entry has taken since is passed over.
    pub(super) fn compare(&self, block: &Block, query: &[f32], out: &mut Vec<Candidate>) {
        let (width, _) = block.sizes();
        for listed in self.0 {
            let at = listed.row as usize;
            let entry = block.entries.get(at).filter(|entry| entry.id == listed.id);
            if let Some(entry) = entry {
                let vector = &block.vectors[at * width..][..width];
                out.push(Candidate {
                    entry: *entry,
                    score: dot(vector, query),
                });
            }
        }
    }
}
