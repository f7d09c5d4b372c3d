//! Mine to take and to delete: what is kept and for how long, all of it as a file, cards from such a file, and deleting
//! everything. How files look is `files`'s.

use super::{
    Activity, Attachment, Card, Choice, Place, Reply, SentFile, Unreadable, adding, cards,
    dead_letter::LETTER_DAYS,
    desk,
    files::{self, CardFault, FileFault, Found, MAX_FILE_BYTES},
    label,
    record::{BIN_DAYS, REMEMBER_UPDATES_HOURS, REVIEW_DAYS, UNFINISHED_DAYS},
    removal,
    talk::Talk,
};
use crate::markup::RichText;

/// What is kept, and for how long: from the constants it is kept by.
pub(super) fn privacy(talk: &mut Talk<'_>) {
    let text = talk.line(
        "privacy",
        &[
            ("bin", BIN_DAYS.into()),
            ("unfinished", UNFINISHED_DAYS.into()),
            ("review", REVIEW_DAYS.into()),
            ("hours", REMEMBER_UPDATES_HOURS.into()),
            ("letters", LETTER_DAYS.into()),
        ],
    );
    let reply = Reply::new(text);
    let reply = match talk.place {
        Place::Group => reply,
        Place::Private => reply
            .row([
                talk.button("button-export", Choice::Export),
                talk.button("button-cards", Choice::Cards(0)),
            ])
            .row([talk.button("button-forget", Choice::Forget)]),
    };
    talk.say(reply);
}

/// Everything kept of this chat, as a file.
pub(super) fn export(talk: &mut Talk<'_>) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "export");
    }
    let file = Attachment::File {
        name: files::name(talk.now),
        content: files::everything(&talk.record, talk.now),
    };
    let count = talk.record.cards.len();
    let text = talk.line("export-file", &[("count", count.into())]);
    let mut reply = Reply::new(text).with_attachment(file);
    if talk.record.activity == Activity::Idle {
        reply = reply.row([
            talk.button("button-cards", Choice::Cards(0)),
            talk.button("button-forget", Choice::Forget),
        ]);
    }
    talk.say(reply);
}

/// How cards of a file come on the list.
pub(super) fn import_how(talk: &mut Talk<'_>) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "import");
    }
    let text = talk.line("import-how", &[]);
    talk.say(Reply::new(text));
}

/// A file was sent: the channel fetches it, if it may be one of ours.
pub(super) fn file(talk: &mut Talk<'_>, file: &SentFile) {
    talk.next_keyboard();
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "import");
    }
    let bytes = file.bytes.unwrap_or_default();
    if bytes > MAX_FILE_BYTES as u64 {
        return refuse(talk, Unreadable::TooLarge);
    }
    if !file.name.to_lowercase().ends_with(".json") {
        return refuse(talk, Unreadable::NotText);
    }
    let mut reply = Reply::new(talk.line("file-reading", &[]));
    reply.downloads = Some(file.id.clone());
    talk.say(reply);
    desk::show_again(talk);
}

/// What a file says: its cards are shown before any comes on the list.
pub(super) fn content(talk: &mut Talk<'_>, content: &Result<String, Unreadable>) {
    talk.next_keyboard();
    let text = match content {
        Ok(text) if text.len() > MAX_FILE_BYTES => return refuse(talk, Unreadable::TooLarge),
        Ok(text) => text,
        Err(fault) => return refuse(talk, *fault),
    };
    let is_taken = |wanted: &str| label::is_taken(talk, wanted, None);
    match files::read(text, talk.now, is_taken) {
        Ok(mut found) => {
            let cards = found.cards.iter_mut();
            cards.for_each(|card| adding::fit_to_base(talk, card));
            preview(talk, found);
        }
        Err(fault) => {
            let line = match fault {
                FileFault::NotOurs => "file-not-ours",
                FileFault::Newer => "file-newer",
            };
            say_and_show(talk, line);
        }
    }
}

fn refuse(talk: &mut Talk<'_>, fault: Unreadable) {
    let line = match fault {
        Unreadable::TooLarge => "file-large",
        Unreadable::NotText => "file-not-ours",
        Unreadable::NotFetched => "file-not-fetched",
    };
    say_and_show(talk, line);
}

fn say_and_show(talk: &mut Talk<'_>, line: &str) {
    let text = talk.line(line, &[]);
    talk.say(Reply::new(text));
    desk::show_again(talk);
}

fn preview(talk: &mut Talk<'_>, mut found: Found) {
    let room = cards::room(talk);
    let too_many = found.cards.len().saturating_sub(room);
    found.cards.truncate(room);
    if found.cards.is_empty() {
        let text = talk
            .line("import-none", &[])
            .below(1, refused(talk, &found, too_many));
        talk.say(Reply::new(text));
        return desk::show_again(talk);
    }
    talk.set_aside_for(Activity::Importing {
        cards: found.cards.clone(),
    });
    show_preview(talk);
    let notes = refused(talk, &found, too_many);
    if !notes.is_empty() {
        talk.preface(notes);
    }
}

/// What of a file does not come on the list, and why.
fn refused(talk: &Talk<'_>, found: &Found, too_many: usize) -> RichText {
    let of = |fault: CardFault| {
        let refused = found.refused.iter().filter(move |(.., why)| *why == fault);
        // A label that cannot be used may be a card's number: it is told by its place alone.
        let named = refused.map(|(number, label, _)| match label::label(label) {
            Ok(label) => label,
            Err(_) => format!("#{number}"),
        });
        named.collect::<Vec<_>>()
    };
    let line = |line: &str, fault: CardFault| match of(fault) {
        labels if labels.is_empty() => RichText::default(),
        labels => talk.line(line, &[("labels", cards::listed(&labels).into())]),
    };
    let full = match too_many {
        0 => RichText::default(),
        count => talk.line("import-too-many", &[("count", count.into())]),
    };
    line("import-same", CardFault::SameLabel)
        .below(1, line("import-broken", CardFault::Broken))
        .below(1, full)
}

/// Shows the cards of a file that wait for a yes, again.
pub(super) fn show_preview(talk: &mut Talk<'_>) {
    let Activity::Importing { cards } = talk.record.activity.clone() else {
        return;
    };
    let shown = cards
        .iter()
        .take(cards::NAMED)
        .map(|card| cards::details(talk, card));
    let mut text = talk.line("import-preview", &[("count", cards.len().into())]);
    for details in shown {
        text = text.below(1, RichText::plain(format!("• {details}")));
    }
    if cards.len() > cards::NAMED {
        text = text.below(
            1,
            RichText::plain(format!("• +{}", cards.len() - cards::NAMED)),
        );
    }
    talk.show(Reply::new(text).row([
        talk.button("button-import", Choice::Import),
        talk.button("button-cancel", Choice::Cancel),
    ]));
}

/// The yes to the cards of a file.
pub(super) fn import(talk: &mut Talk<'_>) {
    let Activity::Importing { cards } = talk.record.activity.clone() else {
        return desk::show(talk);
    };
    talk.leave();
    let mut count = 0_usize;
    for card in cards {
        // Between the look at it and the yes, one of that name may have come on the list.
        let is_new = !label::is_taken(talk, &card.label, None);
        if is_new && cards::full(talk).is_none() {
            cards::put_on_list(talk, |id, _| Card { id, ..card });
            count += 1;
        }
    }
    let text = talk.line("imported", &[("count", count.into())]);
    cards::list(talk, 0);
    talk.preface(text);
}

/// Asks whether everything is to be deleted.
pub(super) fn ask_forget(talk: &mut Talk<'_>) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "forget");
    }
    talk.set_aside_for(Activity::Forgetting);
    show_forget(talk);
}

/// Shows that question, again.
pub(super) fn show_forget(talk: &mut Talk<'_>) {
    let record = &talk.record;
    let text = talk.line(
        "forget-ask",
        &[
            ("cards", record.cards.len().into()),
            ("removed", record.bin.len().into()),
        ],
    );
    talk.show(
        Reply::new(text)
            .row([talk.button("button-forget-all", Choice::ForgetAll)])
            .row([
                talk.button("button-export", Choice::Export),
                talk.button("button-keep-all", Choice::Cancel),
            ]),
    );
}

/// A yes that was typed is not enough for this: it may have been meant for something else.
pub(super) fn ask_for_press(talk: &mut Talk<'_>) {
    show_forget(talk);
    let text = talk.line("forget-press", &[]);
    talk.preface(text);
}

/// The yes to deleting everything; a receipt is all that is left, and it is in the chat, not with us.
pub(super) fn forget_all(talk: &mut Talk<'_>) {
    if talk.record.activity != Activity::Forgetting {
        return desk::show(talk);
    }
    let record = &talk.record;
    let time = talk.now.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let text = talk.line(
        "forgotten",
        &[
            ("cards", record.cards.len().into()),
            ("removed", record.bin.len().into()),
            ("time", time.into()),
        ],
    );
    talk.forget();
    talk.show(Reply::new(text));
}
