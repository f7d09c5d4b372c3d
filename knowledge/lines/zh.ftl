# 机器人自己说的话。可以用 Markdown；`{ $name }` 由程序填入。
# 一行不能以 `*`、`[`、`.`、`}` 开头：前面加 {""}。

## 打招呼和帮助
welcome =
    你好，我帮你把门禁卡从手机钱包里拿掉。

    直接用你自己的话问我就行，也可以让我一步一步带着你做。
help =
    {""}**我能做这些**
    • 回答怎么把门禁卡从手机钱包里拿掉的问题，直接问就行
    • 一步一步带你操作：/unbind
    • 帮你记着有哪些卡：/cards
    • 看看我都知道些什么：/faq

    我是个程序，碰不到你手机里的钱包：那一步得你自己点，我在旁边带着你。
    换语言用 /language，不想继续了用 /cancel。
language-name = 中文
language-which = **用哪种语言？**
language-set = 好，接下来说中文。
language-unknown = “{ $language }”我还不会，请从下面选一个。
apology = 抱歉，我这边出了点问题。你的东西都没动，请再试一次。
unknown-command = 没有 /{ $command } 这个命令。我能做这些：
busy-here = 这事别在群里说，我们私聊吧。

## 回答
did-you-mean = **你是想问这个吗？**
assumed = 接着说“{ $topic }”：
thanks-for-vote = 好的，谢谢告诉我。
not-helpful = **那是不是下面这些？**
not-known =
    {""}**这个我不知道。**
    我只懂手机钱包里的门禁卡。换个说法再问我一次，或者看看有哪些话题。
not-known-again =
    {""}**抱歉，还是没弄明白。**
    可能找人问更快。也可以看看有哪些话题。
none-of-these = 好的。换个说法告诉我，一句短话就行。
gone-entry = 这段内容已经没有了，看看这些话题吧。
faq-groups = **想了解哪方面？**
faq-group = **{ $title }**
attachment = { $kind ->
    [sticker] 收到。不过我只看得懂文字，有什么要我帮忙的？
    [picture] 我看不了图片。请用文字说说你看到了什么，别发卡号和密码。
    [voice] 我听不了语音，麻烦打字跟我说一句。
    [location] 谢谢，不过我不用知道你在哪儿。用文字说说要我帮什么吧。
    [file] 我看不了文件，请用文字说说你需要什么。
    [contact] 不用给我联系人，谢谢。用文字说说要我帮什么吧。
   *[other] 我只看得懂文字，请用文字说说你需要什么。
}

## 进行到哪儿了
stale = 这是之前的按钮，什么都没改。
here-we-are = 我们现在在这一步：
nothing-open = 现在没有正在进行的事。想做什么？
cancelled = 好，停下了。你的卡片列表没有变。
nothing-to-cancel = 现在没有要停的事。直接问我，或者选一个：
content-changed = 操作说明更新过，我们从这一步接着来。

## 添加卡片
add-label =
    {""}**这张卡叫什么？**
    打个短名字，或者选一个。别写卡号。
add-wallet = **“{ $label }”在哪个钱包里？**
add-system = **“{ $label }”放在哪儿？**
add-kind =
    {""}**“{ $label }”是哪一种卡？**
    不确定就跳过。
label-home = 家
label-office = 公司
label-school = 学校
label-gate = 小区
label-empty = 这个名字看不出字来。请打个短的，比如“公司”。
label-long = 名字太长，按钮放不下，最多 { $most } 个字。
label-digits = 这看起来像不该外传的号码。请起个名字，比如“公司”；卡号我不存。
label-taken = 你已经有一张卡叫“{ $label }”了，换个名字吧。
cards-full = 列表满了，最多 { $most } 张。先拿掉一张吧。
card-added = ✅ “{ $label }”已经加到列表里。

## 卡片
cards-title = **你的卡片**
cards-hint = 点一张卡，可以改名或拿掉。
cards-none = **列表还是空的。** 加一张卡，我就能带你一步步把它拿掉。
card-view = **{ $label }** · { $wallet }
card-added-on = { $date } 加入列表。
card-gone = 这张卡已经不在列表里了。
rename-ask =
    {""}**“{ $label }”改叫什么？**
    直接打新名字。
renamed = ✅ 已改名：{ $label }
bin-title =
    {""}**拿掉的卡**
    点一张放回列表。手机钱包里要用的话，得在钱包里重新添加。
bin-none = 没有可以放回的卡。
put-back = ✅ **“{ $label }”放回列表了。** 手机钱包里要用，得在钱包里重新添加。
put-back-late = 这张卡放不回来了：拿掉的卡我只留 { $days } 天。
days-left = 还剩 { $days } 天

## 一步步拿掉
choose-card = **要拿掉哪张卡？**
no-guide = 我现在没有分步说明，请直接问我。
step-head = **{ $label }** · { $wallet } · 第 { $step } 步，共 { $steps } 步
step-done = ✅ { $title }
looks-different =
    {""}**哪里不一样？**
    选一个最像的，或者直接说说你看到了什么。
confirm =
    {""}**把“{ $label }”从列表里拿掉？**
confirm-note = 以后可能用得上，先记一下：{ $details }，还有是谁发的卡。
confirm-bin =
    它会留 { $days } 天，随时能放回列表。
    手机里的钱包我碰不到，那部分你在前面几步已经做了。
confirm-how = 点按钮，或者打“是的”。
kept = “{ $label }”还留在列表里。
removed = ✅ **“{ $label }”已经从列表里拿掉。**
left-cards = 还剩：{ $labels }。
left-none = 列表现在空了。
look-again = **再去{ $wallet }里看一眼：卡没了吗？**
all-gone =
    {""}**好，办完了。**
    { $days } 天内随时能把“{ $label }”放回列表：/cards
still-there-next = 过一阵还在的话，告诉我你看到了什么，或者再走一遍步骤。

## 按钮
button-guide = 一步一步带我做
button-helpful = 👍 有帮助
button-not-asked = 👎 不是我问的
button-none-of-these = 都不是
button-person = 找人工
button-topics = 看看有哪些话题
button-help = 你能做什么？
button-cards = 我的卡片
button-add = 添加卡片
button-another-card = 另一张卡
button-skip = 不确定，跳过
button-done = 做好了
button-differs = 我这里不一样
button-back = 上一步
button-back-to-step = 回到这一步
button-cancel = 取消
button-continue = 继续
button-confirm = 是的，拿掉“{ $label }”
button-keep = 不，留着
button-gone = 没了
button-still = 还在
button-undo = 撤销
button-rename = 改名
button-take-out = 拿掉
button-bin = 放回一张
button-all-cards = 全部卡片
button-private = 去私聊

## 名称
system-ios = 苹果手机
system-android = 安卓手机
system-harmonyos = 鸿蒙手机
system-watch = 手表或手环
kind-issued = 发卡方在应用里发的
kind-copied = 用实体卡复制的
kind-record = 在应用或小程序里的

## 打字也能听懂的说法，用 | 分开
words-yes = 是 | 是的 | 确认 | 确定 | 是的，拿掉 | 确定拿掉 | 确认拿掉
words-no = 不 | 不要 | 不用 | 留着 | 不，留着 | 先留着 | 算了
words-done = 好了 | 做好了 | 完成 | 完成了 | 下一步 | 继续 | 弄好了 | 可以了 | 然后呢 | 好 | 好的
words-back = 上一步 | 返回 | 后退 | 回上一步
words-cancel = 取消 | 停 | 停下 | 不弄了 | 退出 | 算了
words-differs = 不一样 | 我这里不一样 | 没有这个 | 找不到 | 没看到
words-gone = 没了 | 不在了 | 没有了 | 已经没了 | 是 | 是的
words-still = 还在 | 还在的 | 没消失 | 还显示 | 没有消失
words-undo = 撤销 | 放回来 | 放回去
words-follow-up = 那 | 那么 | 那要是 | 那如果 | 要是 | 如果是 | 换成 | 换作 | 还有
XX
words-also = 另外 | 还有 | 顺便问 | 再问一下 | 再问一句
words-guide = 带我做 | 一步一步带我做 | 一步一步来 | 一步步来 | 开始 | 带我操作

## 命令菜单
command-unbind = 一步步拿掉一张卡
command-cards = 我的卡片
command-faq = 看看有哪些话题
command-language = 换语言
command-cancel = 停下正在做的事
command-help = 我能做什么
command-start = 开始

## 终端
terminal-hello =
    {""}**unbind-bot** 终端版。直接提问，或输入选项的编号。/help 看更多，按 Ctrl-D 结束。
terminal-choose = 这里没有第 { $number } 个选项。
