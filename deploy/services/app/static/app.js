document.querySelector("#main").textContent = "The film store";
