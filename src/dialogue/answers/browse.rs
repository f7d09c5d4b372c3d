//! Browsing the knowledge base: the topics (groups), and the entries of one topic.

use crate::{
    dialogue::{buttons, choice::Choice, reply::Reply, turn::TurnBuilder},
    knowledge::{Group, Language},
};

/// The buttons of all topics, below `line`.
pub(crate) fn draw_topics(turn: &TurnBuilder<'_>, line: &str) -> Reply {
    let groups = &turn.base.knowledge.groups;
    let groups = groups.iter().filter(|group| group.browse);
    let to_button = |group: &Group| {
        let title = group_title(group, turn.language);
        turn.button_labelled(title, Choice::Group(group.id.clone()))
    };
    let reply = Reply::new(turn.line(line, &[]));
    buttons::with_paired(reply, groups.map(to_button).collect())
}

/// The entries of the group with this id; `None` if there is no such group.
pub(crate) fn draw_topic(turn: &TurnBuilder<'_>, name: &str) -> Option<Reply> {
    let knowledge = &turn.base.knowledge;
    let mut groups = knowledge.groups.iter().filter(|group| group.browse);
    let group = groups.find(|group| group.id == name)?;
    let title = ("title", group_title(group, turn.language).into());
    let entries = knowledge.entries_of(group);
    let entries = entries.filter_map(|entry| buttons::entry_button(turn, &entry.id));
    let reply = Reply::new(turn.line("faq-group", &[title]));
    let reply = buttons::with_paired(reply, entries.collect());
    Some(reply.row([turn.button("button-topics", Choice::Groups)]))
}

fn group_title(group: &Group, language: Language) -> String {
    let titles = &group.titles;
    let title = titles.get(&language).or_else(|| titles.values().next());
    title.unwrap_or(&group.id).clone()
}
