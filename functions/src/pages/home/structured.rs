//! What search engines read of the home page: schema.org, as JSON-LD.

use serde_json::{Value, json};

use super::Shop;

/// The text of the block. A block of data is no script, so the pages' policy lets it stand; what
/// would end it is written in another way.
pub fn text(brand: &str, origin: &str, shop: &Shop) -> String {
    value(brand, origin, shop).to_string().replace('<', "\\u003c").replace('>', "\\u003e")
}

fn value(brand: &str, origin: &str, shop: &Shop) -> Value {
    let offer = |name: &str, price: &str| {
        json!({
            "@type": "Offer", "name": name, "price": price.replace(['$', ','], ""),
            "priceCurrency": "USD", "url": format!("{origin}/sign-up"),
        })
    };
    let mut offers: Vec<Value> =
        shop.packs.iter().map(|pack| offer(&pack.name, &pack.pays)).collect();
    offers.extend(shop.plan.iter().map(|price| offer("Unlimited, a month", price)));
    let mut service = json!({
        "@type": "SoftwareApplication", "name": brand, "url": format!("{origin}/"),
        "applicationCategory": "DeveloperApplication", "operatingSystem": "Linux, macOS, Windows",
        "description": format!("{brand} gives the stock Codex CLI, and any client of the \
                                Responses API, models that are paid for by use from a wallet."),
        "image": format!("{origin}/assets/social.png"),
    });
    if let Some(service) = service.as_object_mut().filter(|_| !offers.is_empty()) {
        service.insert("offers".to_owned(), json!(offers));
    }
    let site = json!({
        "@type": "WebSite", "name": brand, "url": format!("{origin}/"),
        "potentialAction": {
            "@type": "SearchAction", "target": format!("{origin}/docs?q={{search_term_string}}"),
            "query-input": "required name=search_term_string",
        },
    });
    json!({ "@context": "https://schema.org", "@graph": [service, site] })
}

#[cfg(test)]
mod tests {
    use super::{super::Pack, *};

    #[test]
    fn nothing_in_it_ends_it() {
        let brand = "</script><script>alert(1)</script>";
        let text = text(brand, "https://x.test", &Shop::default());
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["@graph"][0]["name"], brand);
        assert!(value["@graph"][0].get("offers").is_none());
    }

    #[test]
    fn what_is_sold_stands_there_with_its_price() {
        let (name, pays, gets) = ("$100 credit", "$10", "$100");
        let pack = Pack { name: name.to_owned(), pays: pays.to_owned(), gets: gets.to_owned() };
        let shop = Shop { packs: vec![pack], plan: Some("$199".to_owned()) };
        let value = value("Gantry", "https://x.test", &shop);
        let offers = value["@graph"][0]["offers"].as_array().unwrap();
        let told = |offer: &Value| (offer["name"].clone(), offer["price"].clone());
        assert_eq!(told(&offers[0]), (json!("$100 credit"), json!("10")));
        assert_eq!(told(&offers[1]), (json!("Unlimited, a month"), json!("199")));
    }
}
