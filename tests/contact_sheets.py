"""A contact sheet in a browser: what a person does on it."""

from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


class Sheet:
    """An open contact sheet."""

    def __init__(self, browser, page, width=1280):
        browser.set_window_size(width, 900)
        browser.get(Path(page).resolve().as_uri())
        self.browser = browser
        self.body = browser.find_element(By.TAG_NAME, "body")

    def press(self, *keys):
        for key in keys:
            self.body.send_keys(key)

    def click(self, text, within="body"):
        place = self.browser.find_element(By.CSS_SELECTOR, within)
        buttons = [button for button in place.find_elements(By.TAG_NAME, "button") if text in button.text]
        assert len(buttons) == 1, [button.text for button in place.find_elements(By.TAG_NAME, "button")]
        buttons[0].click()

    def label_as(self, name):
        """Click the class of the current tile."""
        self.click(name, "#classes")

    def add_class(self, name):
        self.browser.find_element(By.ID, "new").send_keys(name)
        self.click("Add class")

    @property
    def current(self):
        """File of the current tile."""
        return self.text("#name")

    def text(self, where):
        return self.browser.find_element(By.CSS_SELECTOR, where).text

    def labels(self):
        """What each tile shows."""
        return [label.text for label in self.browser.find_elements(By.CSS_SELECTOR, ".tile .label")]

    def save(self, downloads):
        """Save labels.csv, and return its path. Chromium reserves the name with an empty file first."""
        table = downloads / "labels.csv"
        table.unlink(missing_ok=True)
        self.click("Save labels.csv")
        WebDriverWait(self.browser, 20).until(lambda _: table.exists() and table.stat().st_size)
        return table
