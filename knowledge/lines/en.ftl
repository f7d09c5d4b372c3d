# The bot's own lines. Markdown inside; `{ $name }` is put in by the bot.
# A line must not begin with `*`, `[`, `.` or `}`: put {""} before it.

## Hello and help
welcome =
    Hi. I help you take an access card (door card, building pass) out of the wallet on your phone.

    Ask me in your own words, or let me lead you through it.
help =
    {""}**What I can do**
    • Answer questions about removing an access card from a phone wallet. Just ask.
    • Lead you through a removal, step by step: /unbind
    • Keep the list of your cards: /cards
    • Ask for a PIN or a code before a removal: /protect
    • Show everything I know: /faq

    I am a program. I never touch your phone's wallet: that part you do, and I guide you.
    What I keep, and how to take or delete it: /privacy
    /language changes the language, /cancel stops what we are doing.
language-name = English
language-which = **Which language shall I use?**
language-set = We go on in English.
language-unknown = I do not speak “{ $language }” yet. Please choose one of these.
apology = Sorry, something went wrong on my side. Nothing of yours was changed. Please try that once more.
undelivered = Sorry, I could not send you one of my messages. What you told me is noted: /cards shows your list. Please ask once more.
unknown-command = I do not know the command /{ $command }. This is what I can do:
unknown-command-unnamed = I do not know that command. This is what I can do:
too-fast = { $seconds ->
    [one] That was a lot at once, and I did not read the last of it. Give me a second, then send it again, please.
   *[other] That was a lot at once, and I did not read the last of it. Give me { $seconds } seconds, then send it again, please.
}
busy-here = Let us do that between the two of us, not in the group.
not-yours = This button is for somebody else in the group. Ask me yourself, and you get your own.

## Answers
did-you-mean = **Did you mean one of these?**
assumed = Still about “{ $topic }”, I take it:
thanks-for-vote = Good to know, thank you.
not-helpful = **Then perhaps one of these?**
not-known =
    {""}**I don't know that one.**
    I only know about access cards in phone wallets. Try it in other words, or look through the topics.
not-known-again =
    {""}**Sorry, I still don't know.**
    A person may know better. You can also look through the topics.
none-of-these = All right. Tell me in other words what you need; one short sentence is often best.
gone-entry = I no longer have that text. Here are the topics.
faq-groups = **What is it about?**
faq-group = **{ $title }**
attachment = { $kind ->
    [sticker] Nice one. I can only read text, though: what can I do for you?
    [picture] I cannot look at pictures. Please tell me in words what you see, and never send card numbers or passwords.
    [voice] I cannot listen to recordings. Please write it to me in a sentence.
    [location] Thanks, but I do not need to know where you are. Tell me in words what I can do.
    [file] I cannot read files. Please tell me in words what you need.
    [contact] I do not need anybody's contact, thanks. Tell me in words what I can do.
   *[other] I can only read text. Please tell me in words what you need.
}

## Where we are
stale = That button is from earlier; nothing was changed.
here-we-are = Here is where we are:
nothing-open = Nothing is under way just now. What would you like to do?
cancelled = Stopped. No card was taken off your list.
paused =
    {""}**Paused.** “{ $label }” is still on your list.
    Go on within { $days } days, with the button or /unbind.
nothing-to-cancel = There is nothing to stop. Ask me something, or choose:
say-anew = I act on that only when you write it here yourself, as a new message.
content-changed = My instructions have changed since then, so we go on from this step.
unfinished-card = We have not finished taking out “{ $label }”. Shall we go on? I keep your place for { $days } days.
unfinished = You were about to take out a card. Shall we go on? I keep your place for { $days } days.
quiet = All right, no more reminders of things left unfinished. Your place is kept all the same.
put-away-removal = “{ $label }” was never taken out to the end, and { $days } days are over, so I have put that away. The card is still on your list.
put-away = We left something in the middle { $days } days ago, so I have put that away. Your cards are as they were.

## Adding a card
add-label =
    {""}**What do you call this card?**
    Type a short name, or choose one. Please no card numbers.
add-wallet = **Which wallet is “{ $label }” in?**
add-system = **Where is “{ $label }” kept?**
add-kind =
    {""}**What kind of card is “{ $label }”?**
    If you are not sure, skip it.
label-home = Home
label-office = Office
label-school = School
label-gate = Gate
label-empty = That name has nothing to read in it. Please type a short one, like “Office”.
label-long = That is too long: { $most } characters at most, please.
label-digits = That looks like a number worth keeping secret. Please use a name, like “Office”; I keep no card numbers.
digits-fault = Please type only the last digits, { $most } at most, like 4821.
label-word = That sounds like an answer to something else. What is the card called? A name like “Office” is best.
label-taken = You already have a card called “{ $label }”. Please choose another name.
cards-full = Your list is full: { $most } cards. Take one off first.
bin-full = I keep { $most } cards at most, those taken off in the last 30 days included. Please wait a few days before you add more.
card-added = ✅ “{ $label }” is on your list.

## Cards
cards-title = **Your cards**
cards-hint = Tap a card to look at it, change it or take it out.
cards-none = **Your list is empty.** Add a card, and I can lead you through its removal.
card-view = **{ $label }** · { $wallet }
card-added-on = On your list since { $date }.
card-gone = That card is no longer on your list.
ends-in = ends in { $digits }
edit-label =
    {""}**What shall “{ $label }” be called?**
    Type the new name.
edit-issuer =
    {""}**Who issued “{ $label }”, or where does it open?**
    A name is enough, like “Harbour Tower reception”. A phone number may go with it.
edit-digits =
    {""}**The last digits of “{ $label }”?**
    Four at most, so that you can tell it from others. Never the whole number.
changed = ✅ “{ $label }” has been updated.
history-added = { $date } put on the list
history-label = { $date } renamed
history-wallet = { $date } other wallet or phone
history-issuer = { $date } issuer changed
history-digits = { $date } last digits changed
history-taken-off = { $date } taken off the list
history-put-back = { $date } put back
history-imported = { $date } came with a file
bin-title =
    {""}**Taken off your list**
    Tap a card to put it back on the list. In the wallet itself you would have to add it again.
bin-none = There is nothing to put back.
put-back = ✅ **“{ $label }” is back on your list.** In the phone's wallet it comes back only if you add it there again.
put-back-late = That card cannot be put back any more: I keep removed cards for { $days } days.
review =
    {""}**Are you still using all of these?**
    Tap one you no longer use, and I help you take it out.
review-due = It is time to look through your cards, as you asked. Are you still using all of them?
review-on = ✅ I shall ask every { $days } days, next on { $date }.
review-off = All right, I shall not ask any more.
review-done = Good. Nothing was changed.
review-done-next = Good. Nothing was changed. I shall ask again on { $date }.
days-left = { $days ->
    [one] 1 day left
   *[other] { $days } days left
}

## The guided removal
choose-card = **Which card shall we take out?**
why =
    {""}**Why do you take “{ $label }” out?**
    It helps me tell you the right things on the way.
reason-new-card = I got a new card
reason-new-phone = New phone
reason-misuse = Someone used it
reason-tidying-up = Tidying up
note-new-phone = ⚠️ Do this before you reset or sell the old phone.
note-misuse = ⚠️ Tell whoever issued it right away: only they can switch the card off at the door.
all-steps-head = **{ $label }** · { $wallet } · all five steps
corrected = All right: “{ $label }” is in { $wallet }. Then from the first step:
no-guide = My knowledge has no step-by-step guide at the moment. Please ask me instead.
step-head = **{ $label }** · { $wallet } · step { $step } of { $steps }
step-done = ✅ { $title }
step-taken-back = All right, then we are still at this step:
looks-different =
    {""}**What is different?**
    Choose what fits, or tell me in your own words what you see.
confirm =
    {""}**Take “{ $label }” off your list?**
confirm-note = Worth noting for later: { $details }
confirm-bin =
    It stays in the bin for { $days } days and can be put back on the list.
    Your phone's wallet I cannot touch: that part you did in the steps before.
confirm-how = Press the button, or type “yes”.
details-file = Here is what I know of “{ $label }”. Keep it somewhere safe.
proof-pin =
    {""}**Type your PIN to go on with “{ $label }”.**
    I take it out of the chat at once. Never your phone's or bank's PIN.
proof-code =
    {""}**Type the code your app shows to go on with “{ $label }”.**
    One of your recovery codes will do, too. I take it out of the chat at once.
proof-wrong = { $left ->
    [one] That is not it. One more try before removing is locked for a while.
   *[other] That is not it. { $left } more tries before removing is locked for a while.
}
proof-no-try =
    That cannot be it, so it does not count as a try.
    Forgotten it? Nobody can look it up: /forget deletes everything I keep, this too. Take a file with /export first, and your cards come back from that.
proof-used = That code has been used already. Wait for the next one in the app; this was no try.
proof-last = That was not it either, so removing is locked now. Nothing was removed.
proof-locked = { $minutes ->
    [one] {""}🔒 **Removing is locked for 1 more minute,** after too many wrong tries. Your cards stay as they are.
   *[other] {""}🔒 **Removing is locked for { $minutes } more minutes,** after too many wrong tries. Your cards stay as they are.
}
proof-locked-hours = 🔒 **Removing is locked for { $hours } more hours,** after too many wrong tries. Your cards stay as they are.
proof-locked-days = { $days ->
    [one] {""}🔒 **Removing is locked for 1 more day,** after too many wrong tries. Your cards stay as they are.
   *[other] {""}🔒 **Removing is locked for { $days } more days,** after too many wrong tries. Your cards stay as they are.
}
kept = “{ $label }” stays on your list.
removed = ✅ **“{ $label }” is off your list.**
left-cards = Left: { $labels }.
left-none = Your list is empty now.
look-again = **Now look in { $wallet } once more: is the card gone?**
all-gone =
    {""}**Good, all done.**
    “{ $label }” can be put back on the list for { $days } days: /cards
left-open = All right. “{ $label }” stays off your list. Whether it is gone from the wallet I cannot see: please look there once more.
gone-by-now = **Is “{ $label }” gone from { $wallet } by now?**
will-remind = I shall ask again in { $minutes } minutes.
still-there-next = Still there after that? Tell me what you see, or let me ask again in a while.
next-new-card = Once you have added the new card to the wallet, put it on your list, too.
next-new-phone = Now add the card on the new phone. Reset the old one only when that works.
next-misuse = Tell whoever issued it, if you have not: only they can switch it off at the door. Then look through your other cards.
next-tidying-up = Any others you no longer use?

## Protection
protect-none =
    {""}**Shall I ask for something before a card is taken off your list?**
    A PIN you choose, or one-time codes from an authenticator app. It guards the list in this chat, not your phone's wallet.
protect-pin = 🔒 I ask for your PIN before a card is taken off your list.
protect-codes = { $left ->
    [one] {""}🔒 I ask for a one-time code before a card is taken off your list. You have 1 recovery code left.
   *[other] {""}🔒 I ask for a one-time code before a card is taken off your list. You have { $left } recovery codes left.
}
protect-off = Done. From now on I ask for nothing before a removal.
present-pin = **Type your current PIN first.**
present-code = **Type a code of your app, or a recovery code, first.**
pin-new =
    {""}**Type a new PIN.**
    At least { $least } characters; letters are welcome. Not one you use anywhere else. I take it out of the chat at once.
pin-repeat = **Type it once more.**
pin-short = That is too short: at least { $least } characters, please.
pin-long = That is too long: at most { $most } characters, please.
pin-weak = That one is guessed quickly. Avoid dates, rows like 123456 and common words.
pin-differs = The two were not the same. Let us begin again.
pin-set =
    ✅ **Your PIN is set.** I ask for it before a card is taken off your list.
    If you forget it, nobody can look it up; /forget deletes everything, the PIN too.
codes-enrol =
    {""}**Scan this with your authenticator app, then type the code it shows.**
    Or type this into the app: { $secret }
    Delete this message when you are done.
code-wrong = That code does not fit. Check that your phone sets its clock by itself, and type the newest one.
code-form = A code has six digits. Type the ones your app shows right now.
codes-set =
    ✅ **One-time codes are set up.** I ask for one before a card is taken off your list.
    Write these { $count } recovery codes down, then delete this message. Each works once, should the app be lost:

## Secrets
secret-taken-away = **I deleted your message and kept nothing of it.**
secret-not-kept = **I kept nothing of that.** Please delete it where you can.
secret-in-group = **Please delete that message; everybody here can read it.** I kept nothing of it.
secret-card-number = It looked like a card number. Nobody needs one in a chat; the last four digits are enough to tell cards apart.
secret-code = It looked like a password or a code. Type those only in the wallet itself, never in a chat, and give them to nobody, me included.
secret-phrase = It looked like a recovery phrase. Whoever reads it can take everything. If others have seen it, move what it guards today.

## Mine to take and to delete
privacy =
    {""}**What I keep about this chat**
    • Your language, the topic of your last question, and which answers you gave 👍 or 👎
    • Your cards: name, wallet, phone, issuer, last digits, what changed when; until you take them off
    • Cards taken off: { $bin } days; a removal left in the middle: { $unfinished } days
    • Reminders you asked for, the review every { $review } days among them
    • Whether a PIN or codes protect removals, never the PIN itself
    • Numbers of messages, so that nothing is done twice: { $hours } hours; of the last few a short mark, to notice edits
    • A message I failed at through my own fault, its digits blotted out, for those who mend me: { $letters } days
    I keep no other messages, no card numbers, no passwords.
    /forget deletes it at once. The last of it is out of my files within a day, and out of the backup copies after about a week.
export-file = { $count ->
    [0] This is everything I keep of this chat. There are no cards on your list.
    [one] This is everything I keep of this chat, your card included. Send the file to me, and I put it on your list again.
   *[other] This is everything I keep of this chat, your { $count } cards included. Send the file to me, and I put them on your list again.
}
import-how =
    {""}**Send me the file you got with /export.**
    I show you its cards before any comes on your list. In the terminal: /import and the file's name.
import-preview = { $count ->
    [one] {""}**Put this card on your list?**
   *[other] {""}**Put these { $count } cards on your list?**
}
import-none = There is no card in this file that I could put on your list.
import-same = Already there, left as they are: { $labels }
import-broken = Not readable, left out: { $labels }
import-too-many = The list is full; left out: { $count } more.
imported = { $count ->
    [0] No card had to be added.
    [one] ✅ 1 card added.
   *[other] ✅ { $count } cards added.
}
file-reading = One moment, I am reading it.
file-large = That file is too large to be one of mine. Nothing was changed.
file-not-ours = I can only read the files I make with /export. Nothing was changed.
file-newer = A newer version of me made that file, so I do not understand all of it. Nothing was changed.
file-not-fetched = I could not get that file. Please check its name, or send it once more.
file-not-served = I cannot open files at the moment. That is not your file's fault, and the people who run me can see it. Nothing was changed.
forget-ask = 
    {""}**Delete everything I keep about this chat?**
    { $cards ->
        [one] 1 card
       *[other] { $cards } cards
    } on the list, { $removed } in the bin, your settings, reminders and PIN. It cannot be undone. Your phone's wallet stays as it is.
forget-press = To delete everything, please press the button: a typed “yes” could be meant for something else.
forgotten =
    ✅ **Everything is deleted.** Receipt: { $cards ->
        [one] 1 card
       *[other] { $cards } cards
    }, { $removed } in the bin, all settings and reminders, { $time }.
    Messages and files in this chat are yours to delete. Whenever you write again, we start afresh.

## Buttons
button-guide = Guide me step by step
button-helpful = 👍 That helped
button-not-asked = 👎 Not what I asked
button-none-of-these = None of these
button-person = Talk to a person
button-topics = Look through the topics
button-help = What can you do?
button-cards = My cards
button-add = Add a card
button-another-card = Another card
button-skip = Not sure, skip
button-done = Done
button-differs = It looks different
button-back = Back
button-back-to-step = Back to the step
button-cancel = Cancel
button-continue = Go on
button-confirm = Yes, take “{ $label }” off
button-keep = No, keep it
button-gone = Yes, gone
button-still = Still there
button-undo = Undo
button-edit-label = Rename
button-edit-wallet = Wallet
button-edit-issuer = Issued by
button-edit-digits = Last digits
button-history = History
button-card = The card
button-clear = Leave it empty
button-page-back = ‹ Page { $page } of { $pages }
button-page-on = Page { $page } of { $pages } ›
button-review = Look through my cards
button-review-on = Ask me every few months
button-review-off = Don't ask any more
button-still-used = All still in use
button-skip-reason = Skip
button-pause = Pause
button-resume = Go on
button-uncancel = Go on after all
button-quiet = No more reminders
button-details = Send me the details
button-not-sure = Not sure
button-remind = Ask me again in { $minutes } minutes
button-add-new = Add the new card
button-use-pin = Use a PIN
button-use-codes = Use one-time codes
button-unprotect = Switch it off
button-export = Send me everything
button-import = Yes, put them on
button-forget = Delete everything
button-forget-all = Yes, delete everything
button-keep-all = No, keep it all
button-take-out = Take it out
button-bin = Put one back
button-all-cards = All cards
button-private = Go on in private

## Names
system-ios = iPhone
system-android = Android phone
system-harmonyos = HarmonyOS phone
system-watch = Watch or band
kind-issued = Issued through the provider's app
kind-copied = Copied from a plastic card
kind-record = In an app or mini program

## Words that are understood when they are typed, separated by |
words-yes = yes | yes please | yes, take it off | yes take it off | yes, remove it | confirm
words-no = no | no thanks | keep | keep it | no, keep it | don't
words-done = done | next | ok | okay | ok done | finished | did it | i did it | yes | continue
words-back = back | go back | previous | step back
words-cancel = cancel | stop | quit | abort | never mind | nevermind
words-differs = it looks different | looks different | different | i don't see it | not there
words-gone = yes | gone | yes, gone | yes gone | it's gone | it is gone
words-still = no | still there | it's still there | not gone | still shows
words-undo = undo | put it back | put back
words-follow-up = and on | and with | and for | and in | and the | what about | how about | and what about | and how about | same for | and
words-system-ios = iphone | ios | apple phone
words-system-android = android | android phone
words-system-harmonyos = harmonyos | harmony os | harmony
words-system-watch = watch | band | smartwatch | wristband
words-not = not | don't | dont | didn't | never | no | isn't | isnt | from | without
words-but = but | its | it's | rather
words-forgot = forgot | forgotten | don't remember | can't remember | lost it | no idea
words-help = help | what | start
words-correction = actually | i mean | i meant | sorry | wait | my mistake | wrong one | correction
words-pause = pause | later | not now | do it later
words-not-sure = not sure | don't know | i don't know | no idea | unsure | can't tell
words-question = how | what | why | when | where | which | who | will | does | do | did | can | could | is | are | should | would | must
words-question-end = right
words-secret = password | passcode | passphrase | pass word | passwd | pwd | pin | pin code | otp | verification code | one-time code | one time code | security code | login code | confirmation code | access code | code is | code was | sms code | cvc | cvv | cvv2
words-password = password | passcode | passphrase | pass word | passwd | pwd | pw | pin | pin code
words-is = is | 's | was | now | to
words-is-my = is my | is the | is our | was my | as my | as your | as the | is your
words-other-number = error | error code | area code | country code | zip code | postal code | postcode | room | flat | apartment | apt | unit | floor | gate | door | building | block | house | step | ticket | case | case no | order | order no | order number | order id | invoice | booking | reference | ref | tracking | tracking number | serial | serial number | imei | iccid | isbn | parcel | call | ring | dial | phone | phone number | mobile | tel | hotline | extension | ext | version | build | model | year | in | since | until | port
words-phrase = recovery phrase | seed phrase | seed | mnemonic | phrase is | recovery words | secret phrase | backup phrase
words-counter = times | minutes | minute | min | hours | hour | days | day | weeks | months | years | year | seconds | digits | characters | letters | percent | tries | attempts | people | cards | doors | euros | dollars
words-no-password = wrong | right | correct | incorrect | invalid | valid | not | no | too | also | still | always | never | now | only | just | really | so | very | the | a | an | my | your | it | its | this | that | what | where | which | how | why | who | when | if | and | or | but | for | from | in | on | at | by | of | to | with | without | as | because | then | here | there | missing | gone | lost | forgotten | unknown | known | stolen | broken | fine | good | bad | okay | true | false | null | none | empty | blank | old | new | same | different | weak | strong | short | long | easy | hard | simple | safe | secure | secret | private | public | important | optional | mandatory | necessary | needed | required | default | case | numeric | digits | numbers | letters | field | reset | manager | hint | prompt | screen | protection | login | help | visible | hidden | available | unclear | in-app | password | pin | passcode | code | fingerprint | face | biometric | wifi | wi | iphone | ipad | ios | android | harmonyos | emui | miui | windows | mac | apple | google | samsung | huawei | honor | xiaomi | mi | oppo | vivo | oneplus | wechat | alipay | wallet | nfc | sim | esim | wpa | bluetooth | one-time | yes | sent | set | stuck | done | given | shown | written | taken | beyond | between | useless | pointless | impossible
words-beside-code = code | otp | it's | it is | this is | here | here it is | here you go | my | the | your | sms | g | thanks | thank you | please | pls | ok
words-card-number = card number | card no | number of the card | card nr | number of my card | card's number | number on the card | number on my card | number printed on the card
words-also = also, | , also | , and also | besides, | another question | one more thing | and how | and what | and does | and do | and can | and will | and is | and why | and where | and when
words-guide = guide me | guide me step by step | step by step | show me how | start | let's start
# Words so common in the language that two words with one of them show it; no names, brands or words of other languages.
words-common = how | what | why | when | where | which | who | my | the | is | are | isn't | it | i | i'm | i've | me | do | does | did | can't | don't | doesn't | could | would | should | to | of | not | this | that | these | from | have | has | had | was | were | if | after | before | still | about | with | your | and | but

## Words that stand for commands behind a slash, besides their English names, separated by |
words-command-unbind = unbind
words-command-cards = cards
words-command-faq = faq | topics
words-command-language = language
words-command-protect = protect
words-command-privacy = privacy
words-command-export = export
words-command-import = import
words-command-forget = forget
words-command-cancel = cancel
words-command-help = help
words-command-start = start

## Command menu
command-unbind = Take a card out, step by step
command-cards = My cards
command-faq = Look through the topics
command-language = Change the language
command-protect = Ask for a PIN or code before a removal
command-privacy = What I keep, and for how long
command-export = Send me everything as a file
command-import = Read cards from such a file
command-forget = Delete everything
command-cancel = Stop what we are doing
command-help = What I can do
command-start = Begin

## Terminal
terminal-hello =
    {""}**unbind-bot** in the terminal. Ask a question, or type the number of a choice. /help shows more, Ctrl-D ends.
terminal-choose = There is no choice { $number } here.
terminal-file = (saved as { $path }; /forget deletes this one, too, so copy it if you want to keep it)
terminal-no-file = (the file could not be written, { $fault }; here is what it says)
