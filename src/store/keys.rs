//! Keys for an engine that sorts by bytes: the order of the bytes is the order of the ids.

use super::RowId;
use crate::dialogue::ChatId;

/// Flipping the sign bit makes the order of bytes the order of numbers.
const SIGN: u64 = 1 << 63;

/// A chat's position in the order of keys.
pub(super) fn chat_order(chat: ChatId) -> u64 {
    chat.0.cast_unsigned() ^ SIGN
}

pub(super) fn chat_key(chat: ChatId) -> [u8; 8] {
    chat_order(chat).to_be_bytes()
}

/// The chat of a key; `None` for a key that is not one of this program's.
pub(super) fn parse_chat_key(key: &[u8]) -> Option<ChatId> {
    let order = u64::from_be_bytes(key.try_into().ok()?);
    Some(ChatId((order ^ SIGN).cast_signed()))
}

/// A row's key: the rows of a chat are neighbours, in the order they are sent.
pub(super) fn row_key(id: RowId) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&chat_key(id.chat));
    key[8..16].copy_from_slice(&id.version.to_be_bytes());
    key[16..].copy_from_slice(&id.index.to_be_bytes());
    key
}

/// The row of a key; `None` for a key that is not one of this program's.
pub(super) fn parse_row_key(key: &[u8]) -> Option<RowId> {
    let (chat, rest) = key.split_at_checked(8)?;
    let (version, index) = rest.split_at_checked(8)?;
    Some(RowId {
        chat: parse_chat_key(chat)?,
        version: u64::from_be_bytes(version.try_into().ok()?),
        index: u32::from_be_bytes(index.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_chats_and_rows() {
        let chats = [i64::MIN, -1_001_234_567_890, -1, 0, 1, 7, i64::MAX].map(ChatId);
        assert!(chats.map(chat_key).is_sorted());
        let ids = [
            (-1, 1, 9),
            (0, 1, 0),
            (0, 1, 1),
            (0, 2, 0),
            (0, 256, 0),
            (1, 0, 0),
        ];
        let ids = ids.map(|(chat, version, index)| RowId {
            chat: ChatId(chat),
            version,
            index,
        });
        assert!(ids.map(row_key).is_sorted());
        assert_eq!(ids.map(|id| parse_row_key(&row_key(id)).unwrap()), ids);
        assert_eq!(parse_row_key(b"short"), None);
    }
}
