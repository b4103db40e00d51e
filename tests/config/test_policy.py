"""The policy that pages carry, as a browser takes it."""

INLINE = """() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const text = document.createElement("p");
    text.setAttribute("style", "color: rgb(1, 2, 3)");
    document.body.append(text);
    return [window.ran === true, getComputedStyle(text).color === "rgb(1, 2, 3)"];
}"""


def test_inline_script_and_style_do_nothing(context, live_server):
    # Not the `page` of the other tests: that one fails on the very complaints provoked here.
    page = context.new_page()
    page.goto(f"{live_server.url}/login/")
    assert page.evaluate(INLINE) == [False, False]


def test_nothing_is_fetched_from_elsewhere(context, live_server):
    page = context.new_page()
    page.goto(f"{live_server.url}/login/")
    refused = """() => new Promise(resolve => {
        document.addEventListener("securitypolicyviolation", e => resolve(e.effectiveDirective));
        fetch("https://elsewhere.example/").catch(() => setTimeout(resolve, 2000, "nothing"));
    })"""
    assert page.evaluate(refused) == "connect-src"


def test_the_sign_in_page_itself_breaks_nothing(page, live_server, assert_accessible):
    page.goto(f"{live_server.url}/login/")
    assert_accessible()
