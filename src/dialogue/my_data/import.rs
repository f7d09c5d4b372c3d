//! Importing cards from a file: the channel downloads the file, its cards are shown, and added to the list after a yes.
//! `card_file` reads the file.

use crate::{
    dialogue::{
        cards::{adding, card_text},
        choice::Choice,
        event::{SentFile, Unreadable},
        my_data::card_file::{self, CardFault, FileCards, FileFault, MAX_FILE_BYTES},
        record::{Activity, Card, Room},
        reply::Reply,
        screen::Screen,
        turn::TurnBuilder,
        wording,
    },
    markup::RichText,
};

/// Explains how to import a file.
pub(crate) fn say_how(turn: &mut TurnBuilder<'_>) {
    turn.say(Reply::new(turn.line("import-how", &[])));
}

/// Takes an announced file: asks the channel to download it, unless it is too large. Whether it is one of the bot's own
/// is told from its content; people and apps rename files.
pub(crate) fn take_file(turn: &mut TurnBuilder<'_>, file: &SentFile) {
    if file.bytes.unwrap_or_default() > MAX_FILE_BYTES as u64 {
        return refuse(turn, Unreadable::TooLarge);
    }
    let mut reply = Reply::new(turn.line("file-reading", &[]));
    reply.downloads = Some(file.id.clone());
    turn.say(reply);
    turn.show(Screen::Present);
}

/// Takes the content of a file, and shows its cards before any is added.
pub(crate) fn take_content(turn: &mut TurnBuilder<'_>, content: &Result<String, Unreadable>) {
    let text = match content {
        Ok(text) if text.len() > MAX_FILE_BYTES => return refuse(turn, Unreadable::TooLarge),
        Ok(text) => text,
        Err(fault) => return refuse(turn, *fault),
    };
    let is_taken = |wanted: &str| turn.record.has_label(wanted, None);
    match card_file::read(text, turn.now, is_taken) {
        Ok(mut found) => {
            let cards = found.cards.iter_mut();
            cards.for_each(|card| adding::fit_to_base(turn, card));
            preview(turn, found);
        }
        Err(FileFault::NotOurs) => say_fault(turn, "file-not-ours"),
        Err(FileFault::Newer) => say_fault(turn, "file-newer"),
    }
}

fn refuse(turn: &mut TurnBuilder<'_>, fault: Unreadable) {
    say_fault(
        turn,
        match fault {
            Unreadable::TooLarge => "file-large",
            Unreadable::NotText => "file-not-ours",
            Unreadable::NotFetched => "file-not-fetched",
            Unreadable::NotServed => "file-not-served",
        },
    );
}

fn say_fault(turn: &mut TurnBuilder<'_>, line: &str) {
    turn.say(Reply::new(turn.line(line, &[])));
    turn.show(Screen::Present);
}

fn preview(turn: &mut TurnBuilder<'_>, mut found: FileCards) {
    let room = match turn.record.room() {
        Room::Free(cards) => cards,
        Room::ListFull | Room::TrashFull => 0,
    };
    let too_many = found.cards.len().saturating_sub(room);
    found.cards.truncate(room);
    let refused = refused_lines(turn, &found, too_many);
    if found.cards.is_empty() {
        let text = turn.line("import-none", &[]).below(1, refused);
        turn.say(Reply::new(text));
    } else {
        turn.note(refused);
        turn.record
            .set_aside_for(Activity::Importing { cards: found.cards });
    }
    turn.show(Screen::Present);
}

/// The cards of a file that will not be added, and why.
fn refused_lines(turn: &TurnBuilder<'_>, found: &FileCards, too_many: usize) -> RichText {
    let line = |line: &str, fault: CardFault| {
        let labels = refused_labels(found, fault);
        if labels.is_empty() {
            return RichText::default();
        }
        let labels = wording::list_labels(&labels);
        turn.line(line, &[("labels", labels.into())])
    };
    let full = if too_many == 0 {
        RichText::default()
    } else {
        turn.line("import-too-many", &[("count", too_many.into())])
    };
    line("import-same", CardFault::SameLabel)
        .below(1, line("import-broken", CardFault::Broken))
        .below(1, full)
}

/// The labels of the refused cards. An invalid label may be a card number, so it is replaced by the number of the card
/// in the file.
fn refused_labels(found: &FileCards, fault: CardFault) -> Vec<String> {
    let refused = found.refused.iter().filter(|(.., why)| *why == fault);
    let to_label = |(number, label, _): &(usize, String, CardFault)| {
        card_text::parse_label(label).unwrap_or_else(|_| format!("#{number}"))
    };
    refused.map(to_label).collect()
}

/// Takes the yes: adds the cards of the file.
pub(crate) fn confirm(turn: &mut TurnBuilder<'_>) {
    let Activity::Importing { cards } = turn.record.activity.clone() else {
        return turn.show(Screen::Present);
    };
    turn.record.leave();
    let mut count = 0_usize;
    for card in cards {
        // A card with this label may have been added since the preview.
        let is_new = !turn.record.has_label(&card.label, None);
        if is_new && matches!(turn.record.room(), Room::Free(_)) {
            turn.record.add_card(|id| Card { id, ..card });
            count += 1;
        }
    }
    turn.note(turn.line("imported", &[("count", count.into())]));
    turn.show(Screen::Cards(0));
}

/// The preview of the cards, with the question whether to add them.
pub(crate) fn draw(turn: &TurnBuilder<'_>, cards: &[Card]) -> Reply {
    let count = ("count", cards.len().into());
    let named = cards.iter().take(wording::MAX_NAMED);
    let named = named.map(|card| wording::details(turn, card));
    let more = cards.len().saturating_sub(wording::MAX_NAMED);
    let more = (more > 0).then(|| format!("+{more}"));
    let listed = named
        .chain(more)
        .map(|line| RichText::plain(format!("• {line}")));
    let head = turn.line("import-preview", &[count]);
    let text = listed.fold(head, |text, line| text.below(1, line));
    Reply::new(text).row([
        turn.button("button-import", Choice::Import),
        turn.button("button-cancel", Choice::Cancel),
    ])
}
