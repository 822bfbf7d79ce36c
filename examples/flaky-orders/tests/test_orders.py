import pytest

from src.orders import Order, pages, report, total


def orders(count):
    return [Order(number, cents=250 * number) for number in range(1, count + 1)]


def test_a_total_is_the_sum_of_the_prices():
    assert total(orders(4)) == 2500


def test_a_negative_price_is_refused():
    with pytest.raises(ValueError, match="order 7 costs -1 cents"):
        Order(7, cents=-1)


def test_no_orders_make_no_pages():
    assert pages([], size=3) == []


def test_full_pages():
    assert [len(page) for page in pages(orders(6), size=3)] == [3, 3]


def test_the_last_page_may_be_shorter():
    assert [len(page) for page in pages(orders(8), size=3)] == [3, 3, 2]


def test_an_order_that_is_alone_on_the_last_page_is_not_lost():
    printed = [order.number for page in pages(orders(7), size=3) for order in page]
    assert printed == [1, 2, 3, 4, 5, 6, 7]


def test_a_report_accounts_for_every_cent():
    assert report(orders(3), size=2) == "page 1: 2 orders, 7.50\npage 2: 1 orders, 7.50"


def test_a_page_without_room_is_refused():
    with pytest.raises(ValueError, match="size=0"):
        pages(orders(1), size=0)
