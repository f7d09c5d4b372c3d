//! Reads a whole store while it is in use.

use std::collections::VecDeque;

use super::trees::{Shared, Trees};
use crate::store::{
    Item, StoreError,
    keys::{chat_order, parse_chat_key},
};

/// Chats read at a time; writers wait meanwhile.
const PAGE: usize = 256;

/// Reads the store page by page; each page is a consistent snapshot.
pub(super) struct Scan<'a> {
    shared: &'a Shared,
    /// Where the next page begins in the order of chats; `None` at the end.
    next: Option<u64>,
    page: VecDeque<Result<Item, StoreError>>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            next: Some(0),
            page: VecDeque::new(),
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Item, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() {
            let from = self.next.take()?;
            let page = self.shared.read(|trees| self.read_page(trees, from));
            match page {
                Ok((page, next)) => (self.page, self.next) = (page, next),
                // The next page begins after the last key of this one, which is not known.
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front()
    }
}

type Page = (VecDeque<Result<Item, StoreError>>, Option<u64>);

impl Scan<'_> {
    fn read_page(&self, trees: &Trees, from: u64) -> Result<Page, StoreError> {
        let _whole = self.shared.writing.read();
        let mut page = VecDeque::new();
        let mut last = from;
        for entry in trees.records.range(from.to_be_bytes()..).take(PAGE) {
            let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
            last = parse_chat_key(&key).map_or(last, chat_order);
            let record = self.shared.record(&key, &value);
            page.push_back(record.map(|(chat, record)| Item::Chat(chat, record)));
        }
        let next = (page.len() == PAGE).then(|| last.checked_add(1)).flatten();
        let rows = match next {
            Some(next) => trees.outbox.range(from.to_be_bytes()..next.to_be_bytes()),
            None => trees.outbox.range(from.to_be_bytes()..),
        };
        for entry in rows {
            let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
            page.push_back(self.shared.row(&key, &value).map(Item::Row));
        }
        Ok((page, next))
    }
}
